/**
 * What Swagger UI's own style leaves to be wished for: colours that can be read (4.5 : 1 at least), and rows that fit a
 * phone, where the operation's name stood across the path.
 */
export const documentationStyle = `
.swagger-ui .info .title small { background: #4b5563; }
.swagger-ui .info .title small.version-stamp { background: #15694a; }
.swagger-ui .info a, .swagger-ui .info .base-url, .swagger-ui a.nostyle:focus-visible { color: #1d4ed8; }
.swagger-ui .opblock-tag small, .swagger-ui .parameter__in, .swagger-ui .parameter__type { color: #374151; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1d5fb8; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #15694a; }
.swagger-ui .opblock.opblock-put .opblock-summary-method { background: #9a4a00; }
.swagger-ui .opblock.opblock-patch .opblock-summary-method { background: #0f6a6a; }
.swagger-ui .opblock.opblock-delete .opblock-summary-method { background: #b42318; }
.swagger-ui .btn.authorize { border-color: #15694a; color: #15694a; }
.swagger-ui .btn.authorize svg { fill: #15694a; }
.swagger-ui .markdown code, .swagger-ui .renderedMarkdown code { color: #6b21a8; }
.swagger-ui .json-schema-2020-12-expand-deep-button, .swagger-ui .json-schema-2020-12__attribute { color: #4b5563; }
.swagger-ui .microlight span[style*="211, 99, 99"] { color: #ff9c9c !important; }
.swagger-ui .scheme-container { box-shadow: none; padding: 0 0 16px; background: none; }
.swagger-ui .info { margin: 32px 0 16px; }
@media (max-width: 720px) {
  .swagger-ui .opblock .opblock-summary-operation-id { display: none; }
  .swagger-ui .opblock .opblock-summary-path { max-width: none; font-size: 14px; }
  .swagger-ui .opblock .opblock-summary-method { min-width: 64px; padding: 6px 0; font-size: 12px; }
  .swagger-ui .opblock-tag { flex-wrap: wrap; }
  .swagger-ui .opblock-tag small { padding: 0; flex-basis: 80%; }
}
`;
