import { styleText } from 'node:util';

type Style = (text: string) => string;

/** What colours stand for. Every text means the same without them. */
export interface Paint {
  readonly good: Style;
  readonly bad: Style;
  readonly doubtful: Style;
  readonly strong: Style;
  readonly quiet: Style;
  readonly place: Style;
}

/** Paints with colours, or with none. Who calls decides, from the stream that it writes to. */
export function createPaint(colour: boolean): Paint {
  const style = (format: Parameters<typeof styleText>[0]): Style =>
    // Node would look at its own standard output otherwise, whatever the text is for.
    colour ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    good: style('green'),
    bad: style('red'),
    doubtful: style('yellow'),
    strong: style('bold'),
    quiet: style('dim'),
    place: style('cyan'),
  };
}
