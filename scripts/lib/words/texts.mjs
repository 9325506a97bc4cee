/**
 * The texts that people read: string literals and templates of TypeScript and JavaScript, text and attributes of Svelte
 * markup, paragraphs of Markdown. Needs node_modules (the compilers of TypeScript and Svelte).
 */
import { parse } from 'svelte/compiler';
import ts from 'typescript';

/**
 * One text: where it starts, and its words with `{}` in place of every value that is put in. `lines` gives the line of
 * every character, because a text may run over many lines.
 * @typedef {{ text: string, line: (offset: number) => number }} Text
 */

/** @returns {Text[]} the texts of a file, by the ending of its name */
export function textsOf(file, source) {
  if (file.endsWith('.md')) return ofMarkdown(source);
  if (file.endsWith('.svelte')) return ofSvelte(source);
  return ofScript(file, source);
}

/** Text made of pieces, each with the offset in the source at which it stands. */
function assembled(source, pieces) {
  const starts = [];
  let text = '';
  for (const piece of pieces) {
    starts.push({ at: text.length, offset: piece.offset });
    text += piece.text;
  }
  const offsetOf = (at) => {
    const piece = starts.findLast((start) => start.at <= at) ?? starts[0];
    return piece.offset + (at - piece.at);
  };
  return { text, line: (at) => lineAt(source, offsetOf(at)) };
}

function lineAt(source, offset) {
  let line = 1;
  for (let at = source.indexOf('\n'); at >= 0 && at < offset; at = source.indexOf('\n', at + 1)) line += 1;
  return line;
}

// --- TypeScript and JavaScript -----------------------------------------------------------------------------------

function ofScript(file, source) {
  const kind = /\.[cm]?js$/.test(file) ? ts.ScriptKind.JS : ts.ScriptKind.TS;
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, kind);
  const found = [];
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return;
    if (ts.isLiteralTypeNode(node)) return;
    const pieces = piecesOf(node);
    if (pieces) {
      found.push(assembled(source, pieces));
      for (const inner of pieces.flatMap((piece) => piece.inner ?? [])) visit(inner);
      return;
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

/** The pieces of a literal, a template or a sum of them; undefined for any other node. */
function piecesOf(node) {
  if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) {
    return [{ text: node.text, offset: node.getStart() + 1 }];
  }
  if (ts.isTemplateExpression(node)) {
    const pieces = [{ text: node.head.text, offset: node.getStart() + 1 }];
    for (const span of node.templateSpans) {
      pieces.push({ text: '{}', offset: span.expression.getStart(), inner: [span.expression] });
      pieces.push({ text: span.literal.text, offset: span.literal.getStart() + 1 });
    }
    return pieces;
  }
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
    const [left, right] = [piecesOf(node.left), piecesOf(node.right)];
    if (!left && !right) return undefined;
    const value = (side) => [{ text: '{}', offset: side.getStart(), inner: [side] }];
    return [...(left ?? value(node.left)), ...(right ?? value(node.right))];
  }
  if (ts.isParenthesizedExpression(node)) return piecesOf(node.expression);
  return undefined;
}

// --- Svelte ------------------------------------------------------------------------------------------------------

const shownAttributes = new Set(['title', 'placeholder', 'alt', 'label', 'aria-label', 'aria-description']);

function ofSvelte(source) {
  const tree = parse(source, { modern: true });
  const found = [];
  const walk = (node, attribute) => {
    if (Array.isArray(node)) {
      for (const inner of node) walk(inner, attribute);
      return;
    }
    if (!node || typeof node.type !== 'string') return;
    if (node.type === 'ImportDeclaration' || node.type === 'TSLiteralType' || node.type === 'StyleSheet')
      return;
    if (node.type === 'Attribute' && !shownAttributes.has(node.name) && isMarkup(node)) {
      // Classes, ids, types; what a component is given may be shown.
      if (typeof node.value === 'object' && !Array.isArray(node.value)) walk(node.value, node.name);
      else if (Array.isArray(node.value))
        walk(
          node.value.filter((part) => part.type !== 'Text'),
          node.name,
        );
      return;
    }
    if (node.type === 'Text' && node.data.trim()) {
      found.push(assembled(source, [{ text: node.raw, offset: node.start }]));
      return;
    }
    const pieces = estreePieces(node);
    if (pieces) {
      found.push(assembled(source, pieces));
      for (const inner of pieces.flatMap((piece) => piece.inner ?? [])) walk(inner);
      return;
    }
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'loc' && value && typeof value === 'object') walk(value, attribute);
    }
  };
  const isMarkup = (node) =>
    /^(class|id|type|role|for|name|href|src|d|style|data-.*|aria-.*)$/.test(node.name);
  walk(tree.fragment);
  walk(tree.instance?.content);
  walk(tree.module?.content);
  return found;
}

function estreePieces(node) {
  if (node.type === 'Literal' && typeof node.value === 'string') {
    return [{ text: node.value, offset: node.start + 1 }];
  }
  if (node.type === 'TemplateLiteral') {
    return node.quasis.flatMap((quasi, index) => {
      const value = node.expressions[index];
      const text = { text: quasi.value.cooked ?? '', offset: quasi.start };
      return value ? [text, { text: '{}', offset: value.start, inner: [value] }] : [text];
    });
  }
  if (node.type === 'BinaryExpression' && node.operator === '+') {
    const [left, right] = [estreePieces(node.left), estreePieces(node.right)];
    if (!left && !right) return undefined;
    const value = (side) => [{ text: '{}', offset: side.start, inner: [side] }];
    return [...(left ?? value(node.left)), ...(right ?? value(node.right))];
  }
  return undefined;
}

// --- Markdown ----------------------------------------------------------------------------------------------------

/** Paragraphs and table cells, with code (fenced, indented, between backticks) and link targets blanked out. */
function ofMarkdown(source) {
  const blank = (text) => text.replace(/[^\n]/g, ' ');
  const words = source
    .replace(/^```[\s\S]*?^```/gm, blank)
    .replace(/(^|\n\n)((?: {4}[^\n]*(?:\n|$))+)/g, blank)
    .replace(/`[^`\n]*(?:\n[^`\n]+)?`/g, (code) => code.replace(/[^\n]/g, '~'))
    .replace(/\]\([^)]*\)/g, (link) => `]${blank(link.slice(1))}`);
  const found = [];
  for (const match of words.matchAll(/(?:[^\n]+(?:\n|$))+/g)) {
    for (const cell of splitRows(match[0])) {
      if (!/\p{L}/u.test(cell.text)) continue;
      found.push(assembled(source, [{ text: cell.text, offset: match.index + cell.at }]));
    }
  }
  return found;
}

/** A table's cells one by one, any other paragraph as a whole. */
function splitRows(paragraph) {
  if (!/^\s*\|/.test(paragraph)) return [{ text: paragraph, at: 0 }];
  return [...paragraph.matchAll(/[^|\n]+/g)].map((cell) => ({ text: cell[0], at: cell.index }));
}
