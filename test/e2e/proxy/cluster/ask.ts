/**
 * Runs on the rig's network: asks a URL so many times under a `Host`, each time on a connection of its own, and prints what
 * came as JSON.
 */
import { send } from "../../support/client.ts";

const [url = "", host = "", times = "1"] = process.argv.slice(2);
const answers: object[] = [];
for (let turn = 0; turn < Number(times); turn++) {
  try {
    const { status, body } = await send(url, { headers: { host } });
    answers.push({ status, body });
  } catch (error) {
    answers.push({ status: 0, body: (error as Error).message });
  }
}
console.log(JSON.stringify(answers));
