//! Expressions, targets and annotations.

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "they are the vocabulary of this file"))]
use super::kinds::*;
use super::{GivenUp, Node, Parser, Step};

/// How tightly unary operators and `await` bind.
const UNARY_POWER: u8 = 20;
/// How tightly `**` binds.
const POWER: u8 = 21;

/// How tightly a binary operator binds, as the grammar has it: there `^` binds tighter than `&`.
fn binding_power(kind: u16) -> u8 {
    match kind {
        BAR => 14,
        AMPERSAND => 15,
        CARET => 16,
        SHIFT_LEFT | SHIFT_RIGHT => 17,
        PLUS | MINUS => 18,
        STAR | SLASH | PERCENT | DOUBLE_SLASH | AT => 19,
        DOUBLE_STAR => POWER,
        _ => 0,
    }
}

impl Parser<'_> {
    /// An expression without commas, or a conditional one. Gives the index of its node.
    pub(super) fn expression(&mut self) -> Step<usize> {
        self.deeper()?;
        let first = self.nodes.len();
        if self.is(LAMBDA_WORD) {
            self.lambda()?;
        } else {
            self.disjunction()?;
            if self.is(WALRUS) {
                self.named(first)?;
            }
            if self.is(IF) {
                self.wrap(first, CONDITIONAL_EXPRESSION)?;
                self.take()?;
                self.expression()?;
                self.expect(ELSE)?;
                self.expression()?;
                self.close(first);
            }
        }
        self.nesting -= 1;
        Ok(first)
    }

    /// `name := value`; the grammar lets a following `if` belong to the whole.
    fn named(&mut self, name: usize) -> Step {
        if self.nodes[name].kind != IDENTIFIER {
            return Err(GivenUp);
        }
        self.wrap(name, NAMED_EXPRESSION)?;
        self.nodes[name + 1].field = field::NAME;
        self.take()?;
        let value = self.nodes.len();
        self.disjunction()?;
        self.nodes[value].field = field::VALUE;
        self.close(name);
        Ok(())
    }

    /// An expression, or `*expression`.
    pub(super) fn element(&mut self) -> Step<usize> {
        if !self.is(STAR) {
            return self.expression();
        }
        let splat = self.open(LIST_SPLAT);
        self.take()?;
        self.expression()?;
        self.close(splat);
        Ok(splat)
    }

    /// The first element in brackets. With a comma behind it `*a.b` is what it looks like; alone the grammar reads `(*a).b`.
    fn first_element(&mut self) -> Step<usize> {
        let mark = self.mark();
        let element = self.element()?;
        let inside = &self.nodes[element + 1..];
        // `*` and what may be more than a name.
        let begins_with_name = inside.len() > 2
            && inside.iter().find(|node| node.inside == 0 && node.kind != STAR).is_some_and(|node| node.kind == IDENTIFIER);
        if self.nodes[element].kind == LIST_SPLAT && !self.is(COMMA) && begins_with_name {
            self.back_to(mark);
            return self.expression();
        }
        Ok(element)
    }

    /// Everything that binds tighter than `if`.
    fn disjunction(&mut self) -> Step {
        let first = self.nodes.len();
        self.conjunction()?;
        while self.is(OR) {
            self.boolean(first, Self::conjunction)?;
        }
        Ok(())
    }

    fn conjunction(&mut self) -> Step {
        let first = self.nodes.len();
        self.negation()?;
        while self.is(AND) {
            self.boolean(first, Self::negation)?;
        }
        Ok(())
    }

    fn boolean(&mut self, first: usize, operand: fn(&mut Self) -> Step) -> Step {
        self.wrap(first, BOOLEAN_OPERATOR)?;
        self.nodes[first + 1].field = field::LEFT;
        self.take_as(field::OPERATOR)?;
        let right = self.nodes.len();
        operand(self)?;
        self.nodes[right].field = field::RIGHT;
        self.close(first);
        Ok(())
    }

    fn negation(&mut self) -> Step {
        if !self.is(NOT) {
            return self.comparison();
        }
        self.deeper()?;
        let not = self.open(NOT_OPERATOR);
        self.take()?;
        let argument = self.nodes.len();
        self.negation()?;
        self.nodes[argument].field = field::ARGUMENT;
        self.close(not);
        self.nesting -= 1;
        Ok(())
    }

    fn comparison(&mut self) -> Step {
        let first = self.nodes.len();
        self.binary(14)?;
        let mut is_wrapped = false;
        loop {
            let kind = self.token.kind;
            if !matches!(kind, IN | NOT | IS | LESS | GREATER | LESS_EQUALS..=GREATER_EQUALS) {
                break;
            }
            if !is_wrapped {
                self.wrap(first, COMPARISON_OPERATOR)?;
                is_wrapped = true;
            }
            match kind {
                NOT => self.two_words(NOT_IN, IN)?,
                IS => self.two_words(IS_NOT, NOT)?,
                _ => self.take_as(field::OPERATORS)?,
            }
            self.binary(14)?;
        }
        if is_wrapped {
            self.close(first);
        }
        Ok(())
    }

    /// `not in`, `is not`, or `is` alone.
    fn two_words(&mut self, kind: u16, second: u16) -> Step {
        let pair = self.open(kind);
        self.take()?;
        if self.is(second) {
            self.take()?;
            self.close(pair);
            self.nodes[pair].field = field::OPERATORS;
        } else if kind == IS_NOT {
            self.nodes.remove(pair);
            self.nodes[pair].field = field::OPERATORS;
        } else {
            return Err(GivenUp);
        }
        Ok(())
    }

    fn binary(&mut self, least: u8) -> Step {
        let first = self.nodes.len();
        self.unary()?;
        loop {
            let power = binding_power(self.token.kind);
            if power < least || power == 0 {
                return Ok(());
            }
            self.wrap(first, BINARY_OPERATOR)?;
            self.nodes[first + 1].field = field::LEFT;
            self.take_as(field::OPERATOR)?;
            let right = self.nodes.len();
            self.deeper()?;
            self.binary(if power == POWER { POWER } else { power + 1 })?;
            self.nesting -= 1;
            self.nodes[right].field = field::RIGHT;
            self.close(first);
        }
    }

    fn unary(&mut self) -> Step {
        let (kind, operator, argument_field) = match self.token.kind {
            PLUS | MINUS | TILDE => (UNARY_OPERATOR, field::OPERATOR, field::ARGUMENT),
            AWAIT_WORD => (AWAIT, 0, 0),
            _ => return self.primary(),
        };
        self.deeper()?;
        let node = self.open(kind);
        self.take_as(operator)?;
        let argument = self.nodes.len();
        self.binary(UNARY_POWER + 1)?;
        self.nodes[argument].field = argument_field;
        self.close(node);
        self.nesting -= 1;
        Ok(())
    }

    pub(super) fn primary(&mut self) -> Step {
        let first = self.nodes.len();
        self.atom()?;
        loop {
            match self.token.kind {
                DOT => {
                    self.wrap(first, ATTRIBUTE)?;
                    self.nodes[first + 1].field = field::OBJECT;
                    self.take()?;
                    if !self.is(IDENTIFIER) {
                        return Err(GivenUp);
                    }
                    self.take_as(field::ATTRIBUTE)?;
                }
                OPEN_PAREN => {
                    self.wrap(first, CALL)?;
                    self.nodes[first + 1].field = field::FUNCTION;
                    let arguments = self.arguments(true)?;
                    self.nodes[arguments].field = field::ARGUMENTS;
                    if self.nodes[first + 1].kind == IDENTIFIER && self.is_ambiguous(first + 1) {
                        return Err(GivenUp);
                    }
                }
                OPEN_BRACKET => {
                    self.wrap(first, SUBSCRIPT)?;
                    self.nodes[first + 1].field = field::VALUE;
                    self.subscripts()?;
                }
                _ => return Ok(()),
            }
            self.close(first);
        }
    }

    /// `print(a, *b.c)` may be a call or a statement of old, and the grammar's choice decides how `*b.c` is read.
    fn is_ambiguous(&self, function: usize) -> bool {
        let Node { start, end, .. } = self.nodes[function];
        matches!(&self.text[start as usize..end as usize], b"print" | b"exec" | b"match" | b"type")
            && self.nodes[function..].iter().any(|node| node.kind == LIST_SPLAT && node.inside > 2)
    }

    fn atom(&mut self) -> Step {
        match self.token.kind {
            IDENTIFIER | INTEGER | FLOAT | TRUE | FALSE | NONE | ELLIPSIS => self.take(),
            STRING_START => self.strings(),
            OPEN_PAREN => self.parentheses(),
            OPEN_BRACKET => self.list(),
            OPEN_BRACE => self.braces(),
            // Outside brackets the grammar takes `*name` for an operand.
            STAR => {
                let splat = self.open(LIST_SPLAT);
                self.take()?;
                self.expect(IDENTIFIER)?;
                self.close(splat);
                Ok(())
            }
            _ => Err(GivenUp),
        }
    }

    /// The arguments of a call, or of a class. A lone generator expression needs no brackets of its own.
    pub(super) fn arguments(&mut self, may_be_generator: bool) -> Step<usize> {
        self.deeper()?;
        let list = self.open(ARGUMENT_LIST);
        self.take()?;
        let mut is_first = true;
        while !self.is(CLOSE_PAREN) {
            if self.is(DOUBLE_STAR) {
                self.dictionary_splat()?;
            } else {
                let argument = self.element()?;
                if self.is(EQUALS) && self.nodes[argument].kind == IDENTIFIER {
                    self.wrap(argument, KEYWORD_ARGUMENT)?;
                    self.nodes[argument + 1].field = field::NAME;
                    self.take()?;
                    let value = self.expression()?;
                    self.nodes[value].field = field::VALUE;
                    self.close(argument);
                } else if is_first && may_be_generator && matches!(self.token.kind, FOR | ASYNC) {
                    self.nodes[list].kind = GENERATOR_EXPRESSION;
                    self.nodes[argument].field = field::BODY;
                    self.clauses()?;
                    break;
                }
            }
            is_first = false;
            if !self.is(COMMA) {
                break;
            }
            self.take()?;
        }
        self.expect(CLOSE_PAREN)?;
        self.close(list);
        self.nesting -= 1;
        Ok(list)
    }

    fn dictionary_splat(&mut self) -> Step {
        let splat = self.open(DICTIONARY_SPLAT);
        self.take()?;
        self.expression()?;
        self.close(splat);
        Ok(())
    }

    fn subscripts(&mut self) -> Step {
        self.deeper()?;
        self.take()?;
        loop {
            let first = self.nodes.len();
            if !self.is(COLON) {
                self.expression()?;
            }
            if self.is(COLON) {
                self.slice(first)?;
            }
            self.nodes[first].field = field::SUBSCRIPT;
            if self.is(COMMA) {
                self.take()?;
            }
            if self.is(CLOSE_BRACKET) {
                break;
            }
            if self.nodes[self.nodes.len() - 1].kind != COMMA {
                return Err(GivenUp);
            }
        }
        self.take()?;
        self.nesting -= 1;
        Ok(())
    }

    /// The rest of `start:stop:step`, from the first colon on.
    fn slice(&mut self, first: usize) -> Step {
        if self.nodes.len() == first {
            self.open(SLICE);
        } else {
            self.wrap(first, SLICE)?;
        }
        for _ in 0..2 {
            if self.is(COLON) {
                self.take()?;
                if !matches!(self.token.kind, COLON | COMMA | CLOSE_BRACKET) {
                    self.expression()?;
                }
            }
        }
        self.close(first);
        Ok(())
    }

    /// `(..)`: a tuple, a generator expression, or one expression in parentheses.
    fn parentheses(&mut self) -> Step {
        self.deeper()?;
        let node = self.open(PARENTHESIZED_EXPRESSION);
        self.take()?;
        if self.is(CLOSE_PAREN) {
            self.nodes[node].kind = TUPLE;
        } else if self.is(YIELD_WORD) {
            self.yield_expression()?;
        } else {
            let body = self.first_element()?;
            match self.token.kind {
                FOR | ASYNC => {
                    self.nodes[node].kind = GENERATOR_EXPRESSION;
                    self.nodes[body].field = field::BODY;
                    self.clauses()?;
                }
                COMMA => {
                    self.nodes[node].kind = TUPLE;
                    self.rest_of_list(CLOSE_PAREN)?;
                }
                _ if self.nodes[body].kind == LIST_SPLAT => return Err(GivenUp),
                _ => {}
            }
        }
        self.expect(CLOSE_PAREN)?;
        self.close(node);
        self.nesting -= 1;
        Ok(())
    }

    fn list(&mut self) -> Step {
        self.deeper()?;
        let node = self.open(LIST);
        self.take()?;
        if !self.is(CLOSE_BRACKET) {
            let body = self.first_element()?;
            if matches!(self.token.kind, FOR | ASYNC) {
                self.nodes[node].kind = LIST_COMPREHENSION;
                self.nodes[body].field = field::BODY;
                self.clauses()?;
            } else {
                self.rest_of_list(CLOSE_BRACKET)?;
            }
        }
        self.expect(CLOSE_BRACKET)?;
        self.close(node);
        self.nesting -= 1;
        Ok(())
    }

    /// `, element` as often as it comes, and a last comma.
    fn rest_of_list(&mut self, close: u16) -> Step {
        while self.is(COMMA) {
            self.take()?;
            if self.is(close) {
                break;
            }
            self.element()?;
        }
        Ok(())
    }

    /// `{..}`: a dictionary, a set, or a comprehension.
    fn braces(&mut self) -> Step {
        self.deeper()?;
        let node = self.open(DICTIONARY);
        self.take()?;
        if self.is(DOUBLE_STAR) {
            self.dictionary_splat()?;
            self.rest_of_dictionary()?;
        } else if !self.is(CLOSE_BRACE) {
            let body = self.first_element()?;
            let is_pair = self.is(COLON);
            if is_pair {
                self.pair(body)?;
            }
            if matches!(self.token.kind, FOR | ASYNC) {
                self.nodes[node].kind = if is_pair { DICTIONARY_COMPREHENSION } else { SET_COMPREHENSION };
                self.nodes[body].field = field::BODY;
                self.clauses()?;
            } else if is_pair {
                self.rest_of_dictionary()?;
            } else {
                self.nodes[node].kind = SET;
                self.rest_of_list(CLOSE_BRACE)?;
            }
        }
        self.expect(CLOSE_BRACE)?;
        self.close(node);
        self.nesting -= 1;
        Ok(())
    }

    fn rest_of_dictionary(&mut self) -> Step {
        while self.is(COMMA) {
            self.take()?;
            match self.token.kind {
                CLOSE_BRACE => break,
                DOUBLE_STAR => self.dictionary_splat()?,
                _ => {
                    let key = self.expression()?;
                    self.pair(key)?;
                }
            }
        }
        Ok(())
    }

    fn pair(&mut self, key: usize) -> Step {
        if self.nodes[key].kind == LIST_SPLAT {
            return Err(GivenUp);
        }
        self.wrap(key, PAIR)?;
        self.nodes[key + 1].field = field::KEY;
        self.expect(COLON)?;
        let value = self.expression()?;
        self.nodes[value].field = field::VALUE;
        self.close(key);
        Ok(())
    }

    /// The `for` and `if` clauses of a comprehension.
    fn clauses(&mut self) -> Step {
        loop {
            let clause = self.nodes.len();
            match self.token.kind {
                FOR | ASYNC => {
                    self.open(FOR_IN_CLAUSE);
                    if self.is(ASYNC) {
                        self.take()?;
                    }
                    self.expect(FOR)?;
                    self.targets(field::LEFT)?;
                    self.expect(IN)?;
                    let right = self.nodes.len();
                    self.disjunction()?;
                    self.nodes[right].field = field::RIGHT;
                }
                IF => {
                    self.open(IF_CLAUSE);
                    self.take()?;
                    self.disjunction()?;
                }
                _ => return Ok(()),
            }
            self.close(clause);
        }
    }

    /// What stands between `for` and `in`.
    pub(super) fn targets(&mut self, role: u16) -> Step {
        let first = self.nodes.len();
        self.target()?;
        if self.is(COMMA) {
            self.wrap(first, PATTERN_LIST)?;
            while self.is(COMMA) {
                self.take()?;
                if self.is(IN) {
                    break;
                }
                self.target()?;
            }
            self.close(first);
        }
        self.nodes[first].field = role;
        Ok(())
    }

    fn target(&mut self) -> Step {
        let target = self.nodes.len();
        if self.is(STAR) {
            self.open(LIST_SPLAT);
            self.take()?;
            self.primary()?;
            self.close(target);
        } else {
            self.primary()?;
        }
        self.make_pattern(target)
    }

    /// Turns what was read as an expression into a target.
    pub(super) fn make_pattern(&mut self, node: usize) -> Step {
        let inside = self.nodes[node].inside as usize;
        match self.nodes[node].kind {
            ATTRIBUTE | SUBSCRIPT if self.text[self.nodes[node].start as usize] == b'*' => return Err(GivenUp),
            IDENTIFIER | ATTRIBUTE | SUBSCRIPT => return Ok(()),
            LIST_SPLAT => self.nodes[node].kind = LIST_SPLAT_PATTERN,
            LIST => self.nodes[node].kind = LIST_PATTERN,
            TUPLE | PARENTHESIZED_EXPRESSION => self.nodes[node].kind = TUPLE_PATTERN,
            _ => return Err(GivenUp),
        }
        self.deeper()?;
        let mut child = node + 1;
        while child <= node + inside {
            if is_named(self.nodes[child].kind) {
                self.make_pattern(child)?;
            }
            child += 1 + self.nodes[child].inside as usize;
        }
        self.nesting -= 1;
        Ok(())
    }

    fn lambda(&mut self) -> Step {
        self.deeper()?;
        let lambda = self.open(LAMBDA);
        self.take()?;
        if !self.is(COLON) {
            let parameters = self.open(LAMBDA_PARAMETERS);
            self.parameter_list(COLON, false)?;
            self.close(parameters);
            self.nodes[parameters].field = field::PARAMETERS;
        }
        self.expect(COLON)?;
        let body = self.expression()?;
        self.nodes[body].field = field::BODY;
        self.close(lambda);
        self.nesting -= 1;
        Ok(())
    }

    /// Parameters up to a closing token.
    pub(super) fn parameter_list(&mut self, close: u16, is_typed: bool) -> Step {
        while !self.is(close) {
            let first = self.nodes.len();
            match self.token.kind {
                IDENTIFIER => self.take()?,
                STAR => {
                    self.open(KEYWORD_SEPARATOR);
                    self.take()?;
                    if self.is(IDENTIFIER) {
                        self.nodes[first].kind = LIST_SPLAT_PATTERN;
                        self.take()?;
                    }
                    self.close(first);
                }
                DOUBLE_STAR => {
                    self.open(DICTIONARY_SPLAT_PATTERN);
                    self.take()?;
                    self.expect(IDENTIFIER)?;
                    self.close(first);
                }
                SLASH => {
                    self.open(POSITIONAL_SEPARATOR);
                    self.take()?;
                    self.close(first);
                }
                _ => return Err(GivenUp),
            }
            let kind = self.nodes[first].kind;
            let has_type = is_typed && self.is(COLON);
            if has_type {
                if matches!(kind, KEYWORD_SEPARATOR | POSITIONAL_SEPARATOR) {
                    return Err(GivenUp);
                }
                self.wrap(first, TYPED_PARAMETER)?;
                self.take()?;
                self.annotation(field::TYPE)?;
            }
            if self.is(EQUALS) {
                if kind != IDENTIFIER {
                    return Err(GivenUp);
                }
                if has_type {
                    self.nodes[first].kind = TYPED_DEFAULT_PARAMETER;
                } else {
                    self.wrap(first, DEFAULT_PARAMETER)?;
                }
                self.nodes[first + 1].field = field::NAME;
                self.take()?;
                let value = self.expression()?;
                self.nodes[value].field = field::VALUE;
                self.close(first);
            } else if has_type {
                self.close(first);
            }
            if !self.is(COMMA) {
                break;
            }
            self.take()?;
        }
        Ok(())
    }

    /// The type behind a colon or an arrow.
    pub(super) fn annotation(&mut self, role: u16) -> Step {
        let node = self.nodes.len();
        if self.one_type()? {
            while self.is(BAR) {
                self.wrap(node, UNION_TYPE)?;
                self.take()?;
                self.one_type()?;
                self.close(node);
                self.wrap(node, TYPE)?;
                self.close(node);
            }
            if matches!(self.token.kind, DOT | OPEN_PAREN | OPEN_BRACKET | IF) {
                return Err(GivenUp);
            }
        }
        self.nodes[node].field = role;
        Ok(())
    }

    /// The grammar has nodes of its own for `List[int]`, but not for `a.List[int]`. Says whether it was one of those.
    fn one_type(&mut self) -> Step<bool> {
        self.deeper()?;
        let node = self.open(TYPE);
        if self.is(STAR) {
            self.open(SPLAT_TYPE);
            self.take()?;
            self.expect(IDENTIFIER)?;
            self.close(node + 1);
        } else if self.is(IDENTIFIER) && self.is_before_bracket() {
            self.generic()?;
        } else {
            self.expression()?;
        }
        self.close(node);
        self.nesting -= 1;
        Ok(self.nodes[node + 1].kind == GENERIC_TYPE)
    }

    fn generic(&mut self) -> Step {
        let generic = self.open(GENERIC_TYPE);
        self.take()?;
        let parameters = self.open(TYPE_PARAMETER);
        self.take()?;
        loop {
            self.annotation(0)?;
            if !self.is(COMMA) {
                break;
            }
            self.take()?;
            if self.is(CLOSE_BRACKET) {
                break;
            }
        }
        self.expect(CLOSE_BRACKET)?;
        self.close(parameters);
        self.close(generic);
        Ok(())
    }

    /// Whether a `[` comes behind the token at hand.
    fn is_before_bracket(&self) -> bool {
        let rest = &self.text[self.at..];
        let next = rest.iter().find(|byte| !matches!(byte, b' ' | b'\t')).copied();
        // What stands on the next line, or behind a comment, is not looked for.
        next == Some(b'[') || (self.brackets > 0 && matches!(next, Some(b'\n' | b'\r' | b'#' | b'\\')) && self.later_bracket())
    }

    fn later_bracket(&self) -> bool {
        let rest = &self.text[self.at..];
        rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[')
    }

    /// `yield`, `yield a, b`, `yield from a`.
    pub(super) fn yield_expression(&mut self) -> Step {
        let node = self.open(YIELD);
        self.take()?;
        if self.is(FROM) {
            self.take()?;
            self.expression()?;
        } else if !matches!(self.token.kind, NEWLINE | SEMICOLON | CLOSE_PAREN | CLOSE_BRACE | EQUALS | TYPE_CONVERSION) {
            self.expressions(0)?;
        }
        self.close(node);
        Ok(())
    }

    /// One expression, or several in an `expression_list`.
    pub(super) fn expressions(&mut self, role: u16) -> Step {
        let first = self.expression()?;
        if self.is(COMMA) {
            self.wrap(first, EXPRESSION_LIST)?;
            while self.is(COMMA) {
                self.take()?;
                if matches!(self.token.kind, NEWLINE | SEMICOLON | COLON | EQUALS | CLOSE_PAREN | CLOSE_BRACE) {
                    break;
                }
                self.expression()?;
            }
            self.close(first);
        }
        self.nodes[first].field = role;
        Ok(())
    }
}
