/** The ClassAd language: read, print and examine expressions. Knows nothing of the rest of the project. */
export { attribute, binary, call, literal, parentheses } from './ast.js';
export type { AdExpr, AttributeReference, BinaryOperator, Expr, LiteralValue } from './ast.js';
export { defaultEvaluationLimits, defaultSyntaxLimits } from './limits.js';
export type { EvaluationLimits, SyntaxLimits } from './limits.js';
export type { Syntax } from './lexer.js';
export { parseBracketedAd, parseConstraint, parseExpression } from './parser.js';
export type { ParseOptions } from './parser.js';
export { print, printConstraint } from './print.js';
export type { PrintOptions } from './print.js';
export { ClassAdPrintError } from './quote.js';
export { attributeRefs, functionCalls, reachesUnnamed } from './references.js';
export type { AttributeRef, ReferenceScope } from './references.js';
export type { AdScope } from './scope.js';
export { ClassAdSyntaxError } from './syntax-error.js';
export { absTime, errorValue, isError, relTime } from './value.js';
export type { Value } from './value.js';
