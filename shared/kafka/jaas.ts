// `sasl.jaas.config` as Java's clients write it: `CLASS required key="value" ...;`. What stands in it is a secret, so
// no error quotes it. Pure.

export interface Jaas {
  /** The login module's class, without its package. */
  readonly module: string;
  readonly options: Readonly<Record<string, string>>;
}

/** A word, a text in quotes with Java's escapes, or one of = and ;. */
const token = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([=;])|([^\s=;"']+))/y;
const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", f: "\f", b: "\b" };

/** Throws an Error whose message says what is wrong, and quotes no value. */
export function parseJaas(text: string): Jaas {
  const tokens = tokensOf(text);
  const [name, flag] = [tokens.shift(), tokens.shift()];
  if (name?.kind !== "word" || !/\w$/.test(name.text)) throw new Error("it does not begin with a login module's class");
  if (flag?.kind !== "word" || !/^(required|requisite|sufficient|optional)$/i.test(flag.text))
    throw new Error("behind the login module `required` is missing");
  const options: Record<string, string> = {};
  for (;;) {
    const key = tokens.shift();
    if (key === undefined) throw new Error("the semicolon at its end is missing");
    if (key.text === ";" && key.kind === "sign") break;
    const [sign, value] = [tokens.shift(), tokens.shift()];
    if (
      key.kind === "sign" ||
      sign?.kind !== "sign" ||
      sign.text !== "=" ||
      value === undefined ||
      value.kind === "sign"
    )
      throw new Error(
        'it is not made of pairs key="value"; values with other signs than letters and digits stand in quotes',
      );
    options[key.text] = value.text;
  }
  if (tokens.length > 0) throw new Error("it names more than one login module");
  return { module: name.text.split(".").at(-1)!, options };
}

interface Token {
  readonly kind: "word" | "quoted" | "sign";
  readonly text: string;
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  token.lastIndex = 0;
  while (text.slice(token.lastIndex).trim() !== "") {
    const found = token.exec(text);
    if (!found) throw new Error("a quotation mark is not closed");
    const [, double, single, sign, word] = found;
    const quoted = double ?? single;
    if (quoted !== undefined) tokens.push({ kind: "quoted", text: unescaped(quoted) });
    else if (sign !== undefined) tokens.push({ kind: "sign", text: sign });
    else tokens.push({ kind: "word", text: word! });
  }
  return tokens;
}

/** As Java's StreamTokenizer reads it: \n and its like, octal numbers, any other sign itself. */
const unescaped = (text: string) =>
  text.replace(/\\(?:([0-3]?[0-7]{1,2})|(.))/gs, (_, octal: string | undefined, sign: string) =>
    octal === undefined ? (escapes[sign] ?? sign) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
