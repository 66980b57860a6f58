/** What the site's own frame says; everything else is the tenant's text. */
export type Words = {
  skip: string;
  more: string;
  navigation: string;
  logIn: string;
  notFoundTitle: string;
  notFoundText: string;
  backHome: string;
  welcomeEyebrow: string;
  welcomeText(name: string): string;
  welcomeAction: string;
};

const english: Words = {
  skip: "Skip to content",
  more: "More",
  navigation: "Pages",
  logIn: "Log in",
  notFoundTitle: "This page isn’t here",
  notFoundText: "It may have moved, or the address may be mistyped.",
  backHome: "Back to the home page",
  welcomeEyebrow: "Welcome",
  welcomeText: (name) => `This is the new home of ${name}. Its first pages are being written.`,
  welcomeAction: "Log in and write the first page",
};

const german: Words = {
  skip: "Zum Inhalt springen",
  more: "Mehr",
  navigation: "Seiten",
  logIn: "Anmelden",
  notFoundTitle: "Diese Seite gibt es nicht",
  notFoundText: "Vielleicht ist sie umgezogen, oder in der Adresse steckt ein Tippfehler.",
  backHome: "Zur Startseite",
  welcomeEyebrow: "Willkommen",
  welcomeText: (name) =>
    `Hier entsteht die neue Website von ${name}. Die ersten Seiten werden gerade geschrieben.`,
  welcomeAction: "Anmelden und die erste Seite schreiben",
};

const french: Words = {
  skip: "Aller au contenu",
  more: "Plus",
  navigation: "Pages",
  logIn: "Se connecter",
  notFoundTitle: "Cette page n’existe pas",
  notFoundText: "Elle a peut-être été déplacée, ou l’adresse contient une faute de frappe.",
  backHome: "Retour à l’accueil",
  welcomeEyebrow: "Bienvenue",
  welcomeText: (name) => `Voici le nouveau site de ${name}. Ses premières pages sont en cours d’écriture.`,
  welcomeAction: "Se connecter et écrire la première page",
};

const spanish: Words = {
  skip: "Saltar al contenido",
  more: "Más",
  navigation: "Páginas",
  logIn: "Iniciar sesión",
  notFoundTitle: "Esta página no existe",
  notFoundText: "Puede que se haya movido o que la dirección tenga un error.",
  backHome: "Volver al inicio",
  welcomeEyebrow: "Le damos la bienvenida",
  welcomeText: (name) => `Este es el nuevo sitio de ${name}. Sus primeras páginas se están escribiendo.`,
  welcomeAction: "Iniciar sesión y escribir la primera página",
};

const languages: Record<string, Words> = { en: english, de: german, fr: french, es: spanish };

export type Speech = {
  words: Words;
  /** The tenant's language, for the document. */
  language: string;
  direction: "ltr" | "rtl";
  /** The language of `words`, when it isn't the tenant's: the frame must say so, or it is read out wrongly. */
  frameLanguage: string | undefined;
};

/** How the frame speaks to visitors of a tenant with this language (BCP 47). English where we don't know it. */
export function speechFor(language: string): Speech {
  const locale = localeOf(language);
  const words = languages[locale.language];
  return {
    words: words ?? english,
    language: locale.baseName,
    direction: rightToLeft.has(locale.maximize().script ?? "") ? "rtl" : "ltr",
    frameLanguage: words ? undefined : "en",
  };
}

const rightToLeft = new Set(["Arab", "Hebr", "Thaa", "Syrc", "Nkoo", "Adlm", "Rohg"]);

function localeOf(language: string): Intl.Locale {
  try {
    return new Intl.Locale(language);
  } catch {
    return new Intl.Locale("en");
  }
}
