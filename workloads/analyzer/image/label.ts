/** Letters of three by five dots, drawn here so that no font needs to be installed. */
const GLYPHS: Readonly<Record<string, string>> = {
  " ": "000 000 000 000 000",
  "%": "101 001 010 100 101",
  "0": "111 101 101 101 111",
  "1": "010 110 010 010 111",
  "2": "111 001 111 100 111",
  "3": "111 001 111 001 111",
  "4": "101 101 111 001 001",
  "5": "111 100 111 001 111",
  "6": "111 100 111 101 111",
  "7": "111 001 010 010 010",
  "8": "111 101 111 101 111",
  "9": "111 101 111 001 111",
  A: "010 101 111 101 101",
  E: "111 100 110 100 111",
  G: "011 100 101 101 011",
  H: "101 101 111 101 101",
  I: "111 010 010 010 111",
  K: "101 101 110 101 101",
  L: "100 100 100 100 111",
  N: "110 101 101 101 101",
  O: "010 101 101 101 010",
  P: "110 101 110 100 100",
  R: "110 101 110 101 101",
  S: "011 100 010 001 110",
  T: "111 010 010 010 010",
  U: "101 101 101 101 111",
  W: "101 101 111 111 101",
  Y: "101 101 010 010 010",
};

/** Rows of a glyph, columns of a glyph with the gap to the next. */
const ROWS = 5;
const STEP = 4;

/**
 * A text as SVG, white on black, its left upper corner at the origin. Letters that it does not know are left blank.
 * @param dot the side of a dot, in pixels
 */
export function labelSvg(text: string, dot: number): string {
  const squares = [...text.toUpperCase()].flatMap((letter, index) =>
    (GLYPHS[letter] ?? "").split(" ").flatMap((row, y) =>
      [...row].flatMap((bit, x) => {
        const square = `M${(1 + index * STEP + x) * dot} ${(1 + y) * dot}h${dot}v${dot}h-${dot}z`;
        return bit === "1" ? [square] : [];
      }),
    ),
  );
  const size = `width="${(text.length * STEP + 1) * dot}" height="${(ROWS + 2) * dot}"`;
  return `<rect ${size} fill="black" fill-opacity="0.7"/><path d="${squares.join("")}" fill="white"/>`;
}
