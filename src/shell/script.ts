/**
 * A piece of POSIX `sh`, made only by the `sh` template, so that every value in it is quoted.
 * `secrets` are masked wherever the text is shown.
 */
export interface Script {
  readonly text: string;
  readonly secrets: readonly string[];
}
