import { answerApart } from "../../common/apart/answer.ts";
import { parseProxyConfig } from "./parse.ts";
import type { ParseOrder } from "./parse-apart.ts";

answerApart(({ text, path, further }: ParseOrder) => parseProxyConfig(text, path, () => further));
