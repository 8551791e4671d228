//! Statements and blocks.

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "they are the vocabulary of this file"))]
use super::kinds::*;
use super::{GivenUp, Node, Parser, Step};

impl Parser<'_> {
    /// A compound statement, or all simple statements of a line. Then the next line is at hand.
    pub(super) fn statement(&mut self) -> Step {
        self.deeper()?;
        match self.token.kind {
            IF => self.if_statement()?,
            FOR | WHILE => self.loop_statement()?,
            TRY => self.try_statement()?,
            WITH => self.with_statement()?,
            DEF => self.function()?,
            CLASS => self.class()?,
            AT => self.decorated()?,
            ASYNC => self.async_statement()?,
            _ => {
                self.simple_statements()?;
                self.line_start()?;
            }
        }
        self.nesting -= 1;
        Ok(())
    }

    /// Everything up to the line end, which is not taken.
    fn simple_statements(&mut self) -> Step {
        loop {
            self.simple_statement()?;
            if self.is(NEWLINE) {
                return Ok(());
            }
            self.expect(SEMICOLON)?;
            if self.is(NEWLINE) {
                return Ok(());
            }
        }
    }

    fn simple_statement(&mut self) -> Step {
        let kind = match self.token.kind {
            IMPORT => return self.import(),
            FROM => return self.import_from(),
            RETURN => RETURN_STATEMENT,
            DEL => DELETE_STATEMENT,
            RAISE => RAISE_STATEMENT,
            ASSERT => ASSERT_STATEMENT,
            PASS => PASS_STATEMENT,
            BREAK => BREAK_STATEMENT,
            CONTINUE => CONTINUE_STATEMENT,
            GLOBAL => GLOBAL_STATEMENT,
            NONLOCAL => NONLOCAL_STATEMENT,
            _ => return self.expression_statement(),
        };
        let node = self.open(kind);
        self.take()?;
        let ends = self.is(NEWLINE) || self.is(SEMICOLON);
        match kind {
            RETURN_STATEMENT if !ends => self.expressions(0)?,
            DELETE_STATEMENT => self.expressions(0)?,
            RAISE_STATEMENT if !ends => {
                self.expression()?;
                if self.is(FROM) {
                    self.take()?;
                    let cause = self.expression()?;
                    self.nodes[cause].field = super::kinds::field::CAUSE;
                }
            }
            ASSERT_STATEMENT => {
                self.expression()?;
                if self.is(COMMA) {
                    self.take()?;
                    self.expression()?;
                }
            }
            GLOBAL_STATEMENT | NONLOCAL_STATEMENT => {
                self.expect(IDENTIFIER)?;
                while self.is(COMMA) {
                    self.take()?;
                    self.expect(IDENTIFIER)?;
                }
            }
            _ => {}
        }
        self.close(node);
        Ok(())
    }

    fn expression_statement(&mut self) -> Step {
        if self.is(IDENTIFIER) && self.is_old() {
            return Err(GivenUp);
        }
        let node = self.open(EXPRESSION_STATEMENT);
        if self.is(YIELD_WORD) {
            self.yield_expression()?;
            self.close(node);
            return Ok(());
        }
        let first = self.nodes.len();
        let mut is_target = self.target_or_expression()?;
        let mut is_list = false;
        while self.is(COMMA) {
            is_list = true;
            self.take()?;
            if matches!(self.token.kind, NEWLINE | SEMICOLON | EQUALS) {
                break;
            }
            is_target |= self.target_or_expression()?;
        }
        match self.token.kind {
            EQUALS | COLON | PLUS_EQUALS..=BAR_EQUALS => {
                if is_list {
                    self.wrap(first, PATTERN_LIST)?;
                    self.close(first);
                }
                self.assignment(first)?;
            }
            _ if is_target => return Err(GivenUp),
            _ => {}
        }
        self.close(node);
        Ok(())
    }

    /// What may turn out to be a target. Says whether it must: `*a.b` means something else in an expression.
    fn target_or_expression(&mut self) -> Step<bool> {
        if !self.is(STAR) {
            self.expression()?;
            return Ok(false);
        }
        let splat = self.open(LIST_SPLAT);
        self.take()?;
        self.primary()?;
        self.close(splat);
        Ok(self.nodes[splat].inside > 2 || !(self.is(COMMA) || self.is(EQUALS)))
    }

    /// `print` and `exec` as statements are another language.
    fn is_old(&self) -> bool {
        let word = &self.text[self.token.start as usize..self.token.end as usize];
        let next = self.text[self.at..].iter().find(|byte| !matches!(byte, b' ' | b'\t'));
        matches!(word, b"print" | b"exec") && next != Some(&b'(')
    }

    /// The rest of an assignment whose target was read as an expression.
    fn assignment(&mut self, target: usize) -> Step {
        self.deeper()?;
        if self.nodes[target].kind == PATTERN_LIST {
            let mut child = target + 1;
            while child < self.nodes.len() {
                if is_named(self.nodes[child].kind) {
                    self.make_pattern(child)?;
                }
                child += 1 + self.nodes[child].inside as usize;
            }
        } else {
            self.make_pattern(target)?;
        }
        let operator = self.token.kind;
        // The grammar takes `type(x).y = z` for a declaration of a type.
        if self.text[self.nodes[target].start as usize..].starts_with(b"type(") && self.nodes[target].kind != IDENTIFIER {
            return Err(GivenUp);
        }
        self.wrap(target, if matches!(operator, EQUALS | COLON) { ASSIGNMENT } else { AUGMENTED_ASSIGNMENT })?;
        self.nodes[target + 1].field = field::LEFT;
        let mut has_value = true;
        match operator {
            EQUALS => self.take()?,
            COLON => {
                self.take()?;
                self.annotation(field::TYPE)?;
                has_value = self.is(EQUALS);
                if has_value {
                    self.take()?;
                }
            }
            _ => self.take_as(field::OPERATOR)?,
        }
        if has_value {
            self.value(operator == EQUALS)?;
        }
        self.close(target);
        self.nesting -= 1;
        Ok(())
    }

    fn value(&mut self, may_go_on: bool) -> Step {
        let value = self.nodes.len();
        if self.is(YIELD_WORD) {
            self.yield_expression()?;
        } else {
            self.expressions(0)?;
            if self.nodes[value].kind == LIST_SPLAT && !self.is(EQUALS) {
                return Err(GivenUp);
            }
            if self.is(EQUALS) && may_go_on {
                if self.nodes[value].kind == EXPRESSION_LIST {
                    self.nodes[value].kind = PATTERN_LIST;
                }
                self.assignment(value)?;
            }
        }
        self.nodes[value].field = field::RIGHT;
        Ok(())
    }

    fn dotted_name(&mut self, role: u16) -> Step {
        let node = self.open(DOTTED_NAME);
        self.nodes[node].field = role;
        self.expect(IDENTIFIER)?;
        while self.is(DOT) {
            self.take()?;
            self.expect(IDENTIFIER)?;
        }
        self.close(node);
        Ok(())
    }

    fn import(&mut self) -> Step {
        let node = self.open(IMPORT_STATEMENT);
        self.take()?;
        self.import_list()?;
        self.close(node);
        Ok(())
    }

    fn import_list(&mut self) -> Step {
        loop {
            let first = self.nodes.len();
            self.dotted_name(field::NAME)?;
            if self.is(AS) {
                self.wrap(first, ALIASED_IMPORT)?;
                self.take()?;
                if !self.is(IDENTIFIER) {
                    return Err(GivenUp);
                }
                self.take_as(field::ALIAS)?;
                self.close(first);
                self.nodes[first].field = field::NAME;
            }
            if !self.is(COMMA) {
                return Ok(());
            }
            self.take()?;
            if matches!(self.token.kind, CLOSE_PAREN | NEWLINE) {
                return Ok(());
            }
        }
    }

    fn import_from(&mut self) -> Step {
        let node = self.open(IMPORT_FROM_STATEMENT);
        self.take()?;
        let is_future = &self.text[self.token.start as usize..self.token.end as usize] == b"__future__";
        if is_future {
            self.nodes[node].kind = FUTURE_IMPORT_STATEMENT;
            self.token.kind = FUTURE;
            self.take()?;
        } else if self.is(IDENTIFIER) {
            self.dotted_name(field::MODULE_NAME)?;
        } else {
            self.relative_import()?;
        }
        self.expect(IMPORT)?;
        if self.is(STAR) && !is_future {
            let wildcard = self.open(WILDCARD_IMPORT);
            self.take()?;
            self.close(wildcard);
        } else if self.is(OPEN_PAREN) {
            self.take()?;
            self.import_list()?;
            self.expect(CLOSE_PAREN)?;
        } else {
            self.import_list()?;
        }
        self.close(node);
        Ok(())
    }

    fn relative_import(&mut self) -> Step {
        let relative = self.open(RELATIVE_IMPORT);
        self.nodes[relative].field = field::MODULE_NAME;
        let prefix = self.open(IMPORT_PREFIX);
        while matches!(self.token.kind, DOT | ELLIPSIS) {
            for start in self.token.start..self.token.end {
                self.nodes.push(Node { kind: DOT, field: 0, start, end: start + 1, inside: 0 });
            }
            self.end = self.token.end;
            self.next_token()?;
        }
        self.close(prefix);
        if self.nodes[prefix].inside == 0 {
            return Err(GivenUp);
        }
        if self.is(IDENTIFIER) {
            self.dotted_name(0)?;
        }
        self.close(relative);
        Ok(())
    }

    /// The colon and what belongs to it: statements on the same line, or a block. Then the next line is at hand.
    fn suite(&mut self, role: u16) -> Step {
        self.expect(COLON)?;
        if !self.is(NEWLINE) {
            let block = self.open(BLOCK);
            self.nodes[block].field = role;
            self.simple_statements()?;
            self.end = self.end_of_line();
            self.close(block);
            return self.line_start();
        }
        self.line_start()?;
        if self.indent <= self.block || self.is(END) {
            return Err(GivenUp);
        }
        let outer = std::mem::replace(&mut self.block, self.indent);
        let block = self.open(BLOCK);
        self.nodes[block].field = role;
        loop {
            self.statement()?;
            if self.is(END) || self.indent < self.block {
                break;
            }
            if self.indent > self.block {
                return Err(GivenUp);
            }
        }
        self.end = self.end_of_block();
        self.close(block);
        self.block = outer;
        Ok(())
    }

    /// Whether a clause of the statement at hand comes next, not one of a statement around it.
    fn continues(&self, keyword: u16) -> bool {
        self.is(keyword) && self.indent == self.block
    }

    fn if_statement(&mut self) -> Step {
        let node = self.open(IF_STATEMENT);
        self.condition()?;
        while self.continues(ELIF) {
            let clause = self.open(ELIF_CLAUSE);
            self.nodes[clause].field = field::ALTERNATIVE;
            self.condition()?;
            self.close(clause);
        }
        self.else_clause(field::ALTERNATIVE)?;
        self.close(node);
        Ok(())
    }

    fn condition(&mut self) -> Step {
        self.take()?;
        let condition = self.expression()?;
        self.nodes[condition].field = field::CONDITION;
        self.suite(field::CONSEQUENCE)
    }

    fn else_clause(&mut self, role: u16) -> Step {
        if self.continues(ELSE) {
            let clause = self.open(ELSE_CLAUSE);
            self.nodes[clause].field = role;
            self.take()?;
            self.suite(field::BODY)?;
            self.close(clause);
        }
        Ok(())
    }

    /// `async` and what belongs to it.
    fn async_statement(&mut self) -> Step {
        let node = self.open(FUNCTION_DEFINITION);
        self.take()?;
        match self.token.kind {
            DEF => self.function_from(node),
            FOR => {
                self.nodes[node].kind = FOR_STATEMENT;
                self.for_from(node)
            }
            WITH => {
                self.nodes[node].kind = WITH_STATEMENT;
                self.with_from(node)
            }
            _ => Err(GivenUp),
        }
    }

    fn loop_statement(&mut self) -> Step {
        if self.is(FOR) {
            let node = self.open(FOR_STATEMENT);
            return self.for_from(node);
        }
        let node = self.open(WHILE_STATEMENT);
        self.take()?;
        let condition = self.expression()?;
        self.nodes[condition].field = field::CONDITION;
        self.suite(field::BODY)?;
        self.else_clause(field::ALTERNATIVE)?;
        self.close(node);
        Ok(())
    }

    fn for_from(&mut self, node: usize) -> Step {
        self.take()?;
        self.targets(field::LEFT)?;
        self.expect(IN)?;
        self.expressions(field::RIGHT)?;
        self.suite(field::BODY)?;
        self.else_clause(field::ALTERNATIVE)?;
        self.close(node);
        Ok(())
    }

    fn try_statement(&mut self) -> Step {
        let node = self.open(TRY_STATEMENT);
        self.take()?;
        self.suite(field::BODY)?;
        let mut is_handled = false;
        while self.continues(EXCEPT) {
            is_handled = true;
            let clause = self.open(EXCEPT_CLAUSE);
            self.take()?;
            if self.is(STAR) {
                self.take()?;
            }
            if !self.is(COLON) {
                let value = self.expression()?;
                if self.is(AS) {
                    self.as_pattern(value)?;
                }
                self.nodes[value].field = field::VALUE;
            }
            self.suite(0)?;
            self.close(clause);
        }
        self.else_clause(0)?;
        if self.continues(FINALLY) {
            is_handled = true;
            let clause = self.open(FINALLY_CLAUSE);
            self.take()?;
            self.suite(0)?;
            self.close(clause);
        }
        self.close(node);
        if is_handled { Ok(()) } else { Err(GivenUp) }
    }

    /// `value as target`, from the `as` on.
    fn as_pattern(&mut self, value: usize) -> Step {
        self.wrap(value, AS_PATTERN)?;
        self.take()?;
        let target = self.open(AS_PATTERN_TARGET);
        self.nodes[target].field = field::ALIAS;
        self.expression()?;
        self.close(target);
        self.close(value);
        Ok(())
    }

    fn with_statement(&mut self) -> Step {
        let node = self.open(WITH_STATEMENT);
        self.with_from(node)
    }

    fn with_from(&mut self, node: usize) -> Step {
        self.take()?;
        let clause = self.open(WITH_CLAUSE);
        if !(self.is(OPEN_PAREN) && self.items_in_parentheses()?) {
            self.items()?;
        }
        self.close(clause);
        self.suite(field::BODY)?;
        self.close(node);
        Ok(())
    }

    fn items(&mut self) -> Step {
        loop {
            let item = self.open(WITH_ITEM);
            let value = self.expression()?;
            if self.is(AS) {
                self.as_pattern(value)?;
            }
            self.nodes[value].field = field::VALUE;
            self.close(item);
            if !self.is(COMMA) {
                return Ok(());
            }
            self.take()?;
            if self.is(CLOSE_PAREN) {
                return Ok(());
            }
        }
    }

    /// `(item, item):`. What is no such list, or may be read in two ways, is read again as expressions.
    fn items_in_parentheses(&mut self) -> Step<bool> {
        let mark = self.mark();
        let nodes = self.nodes.len();
        let read = self.take().and_then(|()| self.items()).and_then(|()| self.expect(CLOSE_PAREN));
        if read.is_ok() && self.is(COLON) {
            let is_list = self.nodes[nodes..].iter().filter(|node| node.kind == WITH_ITEM).count() > 1;
            if is_list {
                return Ok(true);
            }
            if self.nodes[nodes..].iter().any(|node| matches!(node.kind, AS_PATTERN))
                || self.nodes[self.nodes.len() - 2].kind == COMMA
            {
                return Err(GivenUp);
            }
        }
        self.back_to(mark);
        Ok(false)
    }

    fn function(&mut self) -> Step {
        let node = self.open(FUNCTION_DEFINITION);
        self.function_from(node)
    }

    fn function_from(&mut self, node: usize) -> Step {
        self.take()?;
        if !self.is(IDENTIFIER) {
            return Err(GivenUp);
        }
        self.take_as(field::NAME)?;
        if !self.is(OPEN_PAREN) {
            return Err(GivenUp);
        }
        let parameters = self.open(PARAMETERS);
        self.nodes[parameters].field = field::PARAMETERS;
        self.take()?;
        self.parameter_list(CLOSE_PAREN, true)?;
        self.expect(CLOSE_PAREN)?;
        self.close(parameters);
        if self.is(ARROW) {
            self.take()?;
            self.annotation(field::RETURN_TYPE)?;
        }
        self.suite(field::BODY)?;
        self.close(node);
        Ok(())
    }

    fn class(&mut self) -> Step {
        let node = self.open(CLASS_DEFINITION);
        self.take()?;
        if !self.is(IDENTIFIER) {
            return Err(GivenUp);
        }
        self.take_as(field::NAME)?;
        if self.is(OPEN_PAREN) {
            let bases = self.arguments(false)?;
            self.nodes[bases].field = field::SUPERCLASSES;
        }
        self.suite(field::BODY)?;
        self.close(node);
        Ok(())
    }

    fn decorated(&mut self) -> Step {
        let node = self.open(DECORATED_DEFINITION);
        while self.is(AT) {
            let decorator = self.open(DECORATOR);
            self.take()?;
            self.expression()?;
            if !self.is(NEWLINE) {
                return Err(GivenUp);
            }
            self.end = self.end_of_line();
            self.close(decorator);
            self.line_start()?;
            if self.indent != self.block {
                return Err(GivenUp);
            }
        }
        let definition = self.nodes.len();
        match self.token.kind {
            DEF => self.function()?,
            CLASS => self.class()?,
            ASYNC => self.async_statement()?,
            _ => return Err(GivenUp),
        }
        if !matches!(self.nodes[definition].kind, FUNCTION_DEFINITION | CLASS_DEFINITION) {
            return Err(GivenUp);
        }
        self.nodes[definition].field = field::DEFINITION;
        self.close(node);
        Ok(())
    }
}
