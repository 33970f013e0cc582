import { answerApart } from "../../../common/apart/answer.ts";
import { parseFleetFile } from "./parse.ts";
import type { ParseOrder } from "./parse-apart.ts";

answerApart(({ text, path }: ParseOrder) => parseFleetFile(text, path));
