/**
 * The words at the core of the passwords that published breaches are full of. A password that is nothing but one of
 * them, with capitals, digits, signs and the usual look-alikes around or within it, is refused.
 */
const words = `
  password passwort passw passwd pass contrasena motdepasse senha parola wachtwoord heslo
  admin administrator adminadmin root user guest test testing tester demo default changeme changeit temp temporary
  welcome welcomeback letmein letmeinnow login logmein access secret topsecret private security secure
  hello helloworld whatever nothing something iloveyou iloveu loveyou loveme lovely forever babygirl sweetheart
  princess sunshine superman batman spiderman starwars pokemon dragon monkey tiger shadow master killer hunter
  ninja football baseball basketball soccer hockey liverpool chelsea arsenal barcelona juventus realmadrid yankees
  charlie michael jennifer jessica jordan ashley daniel thomas andrew joshua matthew robert george michelle nicole
  amanda samantha alexander christian hannah summer winter spring autumn monday friday sunday january february march
  april june july august september october november december trustno computer internet samsung google facebook
  linkedin microsoft windows apple iphone android cisco oracle company business freedom blessed jesus jesuschrist
  family mother father chocolate cookie banana orange purple yellow flower butterfly mustang corvette ferrari
  mercedes harley yamaha diamond silver golden phoenix falcon eagle matrix merlin gandalf asshole fuckyou fuckoff
  bitch sexy money cheese pepper ginger buster maggie bailey cowboy ranger thunder hammer jackson london newyork
  paris berlin america australia canada england germany india pakistan tenantry tenant customer
`
  .trim()
  .split(/\s+/);

/** Walks over the keyboard and along the alphabet, forwards; parts and repetitions of them count too. */
const walks = [
  "qwertyuiopasdfghjklzxcvbnm",
  "qwertzuiopasdfghjklyxcvbnm",
  "azertyuiopqsdfghjklmwxcvbn",
  "abcdefghijklmnopqrstuvwxyz",
  "asdfghjkl",
  "zxcvbnm",
  "qazwsxedcrfvtgbyhnujmikolp",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
  "1q2w3e4r5t6y7u8i9o0p",
  "q1w2e3r4t5y6u7i8o9p0",
  "1a2b3c4d5e6f7g8h9i0j",
  "a1b2c3d4e5f6g7h8i9j0",
  "a1s2d3f4g5h6j7k8l9",
  "12345678901234567890",
  "98765432109876543210",
  "11223344556677889900",
  "123321123321123321",
  "123123123123123123",
];

const lookAlikes = new Map(
  Object.entries({ 0: "o", 1: "i", 3: "e", 4: "a", 5: "s", 7: "t", "@": "a", $: "s", "!": "i" }),
);
const common = new Set(words);

/** Whether a password is a common word in disguise, or a walk over the keyboard. */
export function isCommonPassword(password: string): boolean {
  const text = password.toLowerCase();
  const disguises = [undisguised(withoutFringe(text)), withoutFringe(undisguised(text)), withoutFringe(text)];
  return disguises.some((word) => common.has(word) || isRepetition(word)) || isWalk(text);
}

/** Takes digits and signs off both ends: "!password2024!" is "password". */
function withoutFringe(text: string): string {
  return text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, "");
}

/** Reads "p@ssw0rd" as "password". */
function undisguised(text: string): string {
  return [...text].map((character) => lookAlikes.get(character) ?? character).join("");
}

/** "dragondragon" is no better than "dragon". */
function isRepetition(text: string): boolean {
  return words.some((word) => text.length > word.length && text === word.repeat(text.length / word.length));
}

/** Whether it is one walk, or several side by side as "qwerty123456", with a year or a sign or two between them. */
function isWalk(text: string): boolean {
  const pieces = text.match(/[a-z]+|[0-9]+|[^a-z0-9]+/g) ?? [];
  return (
    isOnWalk(text) || pieces.every((piece) => isOnWalk(piece) || /^(?:\d{1,4}|[^a-z0-9]{1,3})$/.test(piece))
  );
}

function isOnWalk(piece: string): boolean {
  const reversed = [...piece].reverse().join("");
  return walks.some((walk) => walk.includes(piece) || walk.includes(reversed));
}
