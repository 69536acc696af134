//! The Rust files of the repository, with comments, literals and test modules taken apart.

use std::path::{Path, PathBuf};

/// One Rust file.
pub struct RustFile {
    /// Path from the root of the repository, with `/`.
    pub path: String,
    /// As written.
    pub text: String,
    /// The same lines with comments and the insides of literals blanked out.
    pub code: String,
}

impl RustFile {
    /// Whether the file holds nothing but tests.
    pub fn is_test(&self) -> bool {
        self.path.starts_with("tests/") || self.path.contains("/tests/") || self.path.ends_with("/tests.rs")
    }

    /// The code before the test module at the foot of the file; nothing for files of tests.
    pub fn product_code(&self) -> &str {
        if self.is_test() {
            return "";
        }
        // `mod tests;` may stand among the modules at the top; only a module with a body closes the product code.
        let has_body = |after: &str| after.find(['{', ';']).is_some_and(|at| after[at..].starts_with('{'));
        let closing = self.code.match_indices("#[cfg(test)]").find(|(at, _)| has_body(&self.code[*at..]));
        closing.map_or(&self.code, |(at, _)| &self.code[..at])
    }

    /// The text of [`product_code`](Self::product_code), literals included.
    pub fn product_text(&self) -> String {
        let lines = self.product_code().lines().count();
        self.text.lines().take(lines).map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
    }
}

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A text file of the repository; empty if it is not there.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// All Rust files below these folders, sorted by path.
pub fn rust_files(folders: &[&str]) -> Vec<RustFile> {
    let mut open: Vec<PathBuf> = folders.iter().map(|f| root().join(f)).collect();
    let mut files = Vec::new();
    while let Some(folder) = open.pop() {
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|x| x == "rs") {
                let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let shown = path.strip_prefix(root()).unwrap_or(&path).to_string_lossy().replace('\\', "/");
                files.push(RustFile { path: shown, code: code_only(&text), text });
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "no Rust files below {folders:?}");
    files
}

/// Blanks comments and the insides of string and character literals; lines stay where they are.
pub fn code_only(text: &str) -> String {
    let (mut code, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let length = literal_or_comment(rest, code.chars().last()).unwrap_or(0);
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (skipped, after) = rest.split_at(length);
            code.extend(skipped.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = after;
        }
    }
    code
}

/// The length of the comment or literal that begins here, if one does.
fn literal_or_comment(rest: &str, before: Option<char>) -> Option<usize> {
    if rest.starts_with("//") {
        return Some(rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return Some(rest.find("*/").map_or(rest.len(), |at| at + 2));
    }
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let prefix = if in_word { 0 } else { rest.len() - rest.trim_start_matches(['b', 'r']).len() };
    let (mark, body) = rest.split_at(prefix.min(2));
    if mark.contains('r') {
        let hashes = body.len() - body.trim_start_matches('#').len();
        let close = format!("\"{}", "#".repeat(hashes));
        return body[hashes..].strip_prefix('"').map(|inside| prefix + hashes + 1 + inside.find(&close).map_or(inside.len(), |at| at + close.len()));
    }
    if body.starts_with('"') && (prefix == 0 || mark == "b") {
        return Some(prefix + quoted(body, '"'));
    }
    // A character, not a lifetime: `'x'` or `'\n'`.
    let character = body.starts_with("'\\") || body.char_indices().nth(2).is_some_and(|(_, c)| c == '\'');
    (body.starts_with('\'') && character).then(|| prefix + quoted(body, '\''))
}

/// The length of a literal with backslash escapes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The identifiers of a piece of code, with their lines from 1.
pub fn identifiers(code: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, line) in code.lines().enumerate() {
        let pieces = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        found.extend(pieces.filter(|piece| piece.starts_with(|c: char| c.is_alphabetic() || c == '_')).map(|piece| (at + 1, piece)));
    }
    found
}

/// The words of an identifier: `span_until`, `SpanUntil` and `SPAN_UNTIL` are `span`, `until`.
pub fn words(identifier: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in identifier.chars() {
        if c == '_' || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        lower_before = c.is_lowercase() || c.is_ascii_digit();
        if c != '_' {
            words.last_mut().into_iter().for_each(|word| word.extend(c.to_lowercase()));
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The functions of a piece of code: name, first line from 1, number of lines.
pub fn functions(code: &str) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let name: String = code[at + 3..].chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if let (false, Some(length)) = (name.is_empty(), body_length(&code[at..])) {
            let first = code[..at].matches('\n').count() + 1;
            found.push((name, first, code[at..at + length].matches('\n').count() + 1));
        }
    }
    found
}

/// Bytes from `fn` to the brace that closes its body; `None` without a body.
fn body_length(code: &str) -> Option<usize> {
    let (mut depth, mut round) = (0i32, 0i32);
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => round += 1,
            ')' | ']' => round -= 1,
            ';' if depth == 0 && round == 0 => return None,
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn code_and_words_are_told_apart() {
    let text =
        "fn a<'x>(c: char) -> bool {\n    c == '\"' || c == '\\'' // end\n}\nconst S: &str = r#\"fn \"b\" {\"#; /* { */\nfn d() { let e = \"}\\\"\"; }\n";
    let code = code_only(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert!(!code.contains("end") && !code.contains("fn \"b\""), "{code}");
    assert_eq!(functions(&code), [("a".to_string(), 1, 3), ("d".to_string(), 5, 1)]);
    assert_eq!(words("SpanUntil_END"), ["span", "until", "end"]);
    assert_eq!(words("trimEnd2Day"), ["trim", "end2", "day"]);
}
