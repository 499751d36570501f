/** What a script prints. */
export interface Answer {
  /** A line as the function `section` of a wrapped script prints it. */
  section(key: string): void;
  print(text: string): void;
  readonly text: string;
}

export function createAnswer(nonce: string): Answer {
  let text = '';
  return {
    section(key) {
      text += `\n${nonce}:${key}\n`;
    },
    print(more) {
      text += more;
    },
    get text() {
      return text;
    },
  };
}
