/**
 * Words and phrases that no text for people uses, and what to write instead. docs/glossary.md lists them for readers;
 * `test/unit/words.test.ts` compares the two.
 *
 * @typedef {object} Rule
 * @property {RegExp} find whole words, in any case
 * @property {string} write what to write instead
 * @property {RegExp} [except] right uses: a match that lies within a match of this is passed over
 */

const rule = (find, write, except) => ({
  find: new RegExp(find.replaceAll(' ', '\\s+'), 'giu'),
  write,
  ...(except && { except: new RegExp(except, 'giu') }),
});

/** One word for one thing: the "not" column of the glossary. */
export const terms = [
  rule('\\b(?:kept|known|new) answers?\\b|\\banswers? about\\b|\\banswered (?:before|from)\\b', 'result'),
  rule('\\brun director(?:y|ies)\\b', 'run folder'),
  rule('\\b(?:told|tell|tells|telling)(?: \\p{L}+){0,2} apart\\b', 'identifiable, or distinguish'),
  rule('\\bexchang(?:e|es|ed|ing)\\b', 'swap'),
  rule('\\bnot aligned\\b|\\b(?:left )?as they are\\b|\\bas trained\\b', 'unaligned'),
  rule('\\bactivations matched\\b|\\bweights matched\\b', 'aligned by activations, aligned by weights'),
  rule("\\baligned the LMC script(?:'|’)s way\\b", 'anti-aligned'),
  rule(
    '\\bmade data\\b|\\btrained on the spot\\b|\\bmade on the spot\\b',
    'synthetic data; trained for the job',
  ),
  rule('\\bset-up\\b', 'setup (noun), set up (verb)'),
  rule('\\bdatasets?\\b(?![.=:_\\[-])', 'data set', '"[^"]*"|/[^ ]*|--data[^ ]*|\\{[^}]*\\}'),
  rule('\\bbackends?\\b', 'back end'),
  rule('\\bdoors?\\b|\\bentrances?\\b', 'server, command line, desktop app'),
  rule('\\bhouses?\\b|\\bdesks?\\b', 'layout, window'),
  rule('\\bsymmetry laborator(?:y|ies)\\b|\\b(?:second )?laborator(?:y|ies)\\b', 'Symmetry view'),
  rule('\\bgaps? of centers\\b', 'center gap'),
  rule('\\bdefects? (?:of|in) Basin\\b|\\bmistake (?:of|in) Basin\\b', 'bug in Basin'),
];

/** Phrases that read like a translation. */
export const phrases = [
  rule('\\b(?:go|goes|going|went|gone) on\\b', 'continue, resume'),
  rule('\\bmend(?:s|ed|ing)?\\b', 'fix'),
  rule('\\b(?:can|cannot|could) be had\\b', 'is (not) available'),
  rule('\\bforetells?\\b', 'predicts'),
  rule(
    '\\b(?:stand|stands|stood|standing) (?:beside|behind|twice|between|there|in place of)\\b',
    'is, are, appears',
  ),
  rule('\\bbeside\\b', 'next to, with, alongside, compared with'),
  rule('\\bbehind (?:\\p{L}+ ){0,2}(?:activations?|layers?|norms?)\\b', 'after'),
  rule('\\bin (?:place of|its place|their place)\\b', 'instead of, in place'),
  rule(
    '\\b(?:first|by) so many\\b|(?:^|[^\\p{L}])so many (?!that\\b)\\p{L}+ (?:has|have|as)\\b',
    'N, that many',
  ),
  rule('(?:^|[.;:] |\\n)Where (?![^.?!]*\\?)[^.?!]*,', 'if'),
  rule(
    '\\bwhere (?:not\\b|needed\\b|none\\b|nothing\\b|there (?:is|are|was|were)\\b|(?:it|they) (?:can|cannot|could)\\b)',
    'if',
  ),
  rule('\\banew\\b', 'again'),
  rule(
    '(?<!\\bthere )\\b(?:is|are|was|were) no (?!longer\\b|better\\b|more\\b|less\\b|fewer\\b|worse\\b|larger\\b|smaller\\b|faster\\b)',
    'is not a',
  ),
  rule('\\bnot\\b[^.,;:]*\\bany more\\b', 'no longer'),
  rule('\\bbroke off\\b|\\bbroken off\\b', 'was interrupted'),
  rule('\\bput together\\b', 'combine, compose'),
  rule('\\bof (?:its|their|your) own\\b', 'its own ...'),
  rule('\\bknown (?:already|before)\\b', 'already known, cached'),
  rule('\\bat a new place\\b', 'moved'),
  rule(
    '\\b(?:told|tells?) (?:from|it from)\\b|\\btaken for\\b(?! granted)|\\btaken over as\\b',
    'inferred from; assumed to be; imported as',
  ),
  rule('\\b(?:lie|lies|lay) (?:beside|below|behind|there)\\b', 'is, are'),
  rule('\\bthe person\\b', 'you'),
  rule('\\b(?:is|are|was|were) asked for\\b', 'is requested'),
  rule('\\broom on the disk\\b', 'disk space'),
  rule('\\bgood for one\\b', 'works only once'),
  rule('\\bwhat comes out\\b', 'the result'),
];
