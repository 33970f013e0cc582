import { COLUMNS, ID_LENGTH, type Row } from "../results/row.ts";

/** A result of the image of that number. */
export function rowOf(index: number, values: Partial<Row> = {}): Row {
  return {
    ...(Object.fromEntries(COLUMNS.map((column) => [column, ""])) as Row),
    image_id: index.toString(16).padStart(ID_LENGTH, "0"),
    topic: "images/0",
    received_at: "2026-01-01T00:00:00.000Z",
    analysed_at: "2026-01-01T00:00:01.000Z",
    status: "analysed",
    posture: "upright",
    confidence: "0.5",
    bytes: "10",
    estimator: "test",
    ...values,
  };
}
