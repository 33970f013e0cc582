import { describeError } from "../../../common/errors.ts";
import { main } from "../../../sidecar/reverse-proxy/main.ts";

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
