//! A browser that knows cookies, links and forms, and no JavaScript.

use std::collections::BTreeMap;

use super::http::{Answer, Http};

/// How many redirections in a row are followed.
const REDIRECTIONS: usize = 10;

/// A browser with its cookies.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    http: Http,
    origin: String,
    cookies: BTreeMap<String, String>,
}

/// A page and the forms on it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The path that it came from, with its query.
    pub(crate) path: String,
    /// The answer that it came in.
    pub(crate) answer: Answer,
    /// Its forms.
    pub(crate) forms: Vec<Form>,
}

/// A form as it stands in a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Its `id`.
    pub(crate) id: String,
    /// Where it goes.
    pub(crate) action: String,
    /// How: `get` or `post`.
    pub(crate) method: String,
    /// Its fields with their values.
    pub(crate) fields: Vec<(String, String)>,
    /// The names and values of its buttons.
    pub(crate) buttons: Vec<(String, String)>,
}

/// Where a browser ends up.
#[derive(Clone, Debug)]
pub(crate) enum Landing {
    /// On a page of the server.
    Here(Page),
    /// At another site, with that URI: a client's redirect URI.
    Elsewhere(String),
}

impl Landing {
    /// The page, where there has to be one.
    pub(crate) fn page(self) -> Page {
        match self {
            Self::Here(page) => page,
            Self::Elsewhere(_) => panic!("the browser was sent to another site"),
        }
    }

    /// The URI at another site, where there has to be one.
    pub(crate) fn elsewhere(self) -> String {
        match self {
            Self::Elsewhere(uri) => uri,
            Self::Here(page) => panic!(
                "the browser stays at {} with {}: {}",
                page.path.split('?').next().unwrap_or_default(),
                page.answer.status,
                page.heading()
            ),
        }
    }
}

impl Browser {
    /// A browser without cookies; `origin` is how the server calls itself (`http://127.0.0.1:8080`).
    pub(crate) fn new(http: &Http, origin: &str) -> Self {
        Self {
            http: http.clone(),
            origin: origin.to_owned(),
            cookies: BTreeMap::new(),
        }
    }

    /// The same cookies on another network.
    pub(crate) fn moved_to(&self, http: &Http) -> Self {
        Self {
            http: http.clone(),
            ..self.clone()
        }
    }

    /// The network it is on.
    pub(crate) const fn http(&self) -> &Http {
        &self.http
    }

    /// A cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }

    /// Every cookie.
    pub(crate) const fn cookies(&self) -> &BTreeMap<String, String> {
        &self.cookies
    }

    /// Plants a cookie.
    pub(crate) fn set_cookie(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.to_owned(), value.to_owned());
    }

    /// The `Cookie` header; empty if there are none.
    pub(crate) fn cookie_header(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// One request, redirections not followed.
    pub(crate) fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let cookies = self.cookie_header();
        let mut all = headers.to_vec();
        if !cookies.is_empty() {
            all.push(("cookie", &cookies));
        }
        let answer = self.http.send(method, path, &all, body);
        for cookie in answer.all("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            if attributes.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
        answer
    }

    /// Goes to a path, or a URI of this server's.
    pub(crate) fn open(&mut self, uri: &str) -> Landing {
        let path = self.path_of(uri).expect("a URI of this server").to_owned();
        let answer = self.send("GET", &path, &[], b"");
        self.land(path, answer)
    }

    /// Sends a form by its first button.
    pub(crate) fn submit(&mut self, form: &Form, filled: &[(&str, &str)]) -> Landing {
        let answer = self.submit_once(form, filled);
        let path = self.path_of(&form.action).unwrap_or("/").to_owned();
        self.land(path, answer)
    }

    /// Sends a form and does not follow where that leads.
    pub(crate) fn submit_once(&mut self, form: &Form, filled: &[(&str, &str)]) -> Answer {
        let body = super::encoded(&form.filled(filled));
        let path = self.path_of(&form.action).expect("a form of this server").to_owned();
        if form.method == "post" {
            // As browsers do it under `Referrer-Policy: no-referrer`.
            let headers = [super::http::FORM, ("origin", "null"), ("sec-fetch-site", "same-origin")];
            self.send("POST", &path, &headers, body.as_bytes())
        } else {
            self.send("GET", &format!("{path}?{body}"), &[], b"")
        }
    }

    fn land(&mut self, mut path: String, mut answer: Answer) -> Landing {
        for _ in 0..REDIRECTIONS {
            if !matches!(answer.status, 302 | 303) {
                return Landing::Here(Page::read(path, answer));
            }
            let location = answer.location().expect("a redirection says where to").to_owned();
            let Some(next) = self.path_of(&location) else {
                return Landing::Elsewhere(location);
            };
            next.clone_into(&mut path);
            answer = self.send("GET", &path, &[], b"");
        }
        panic!(
            "{REDIRECTIONS} redirections in a row, the last to {}",
            path.split('?').next().unwrap_or_default()
        );
    }

    fn path_of<'a>(&self, uri: &'a str) -> Option<&'a str> {
        if uri.starts_with('/') && !uri.starts_with("//") {
            return Some(uri);
        }
        let rest = uri.strip_prefix(&self.origin)?;
        (rest.is_empty() || rest.starts_with('/')).then_some(if rest.is_empty() { "/" } else { rest })
    }
}

impl Form {
    /// The pairs that are sent: the fields, with these values instead or in addition.
    pub(crate) fn filled<'a>(&'a self, filled: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut pairs: Vec<(&str, &str)> = self
            .fields
            .iter()
            .filter(|(name, _)| !filled.iter().any(|(other, _)| other == name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        pairs.extend(filled);
        pairs
    }

    /// The value of a field.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }
}

impl Page {
    fn read(path: String, answer: Answer) -> Self {
        let forms = forms(&answer.text());
        Self { path, answer, forms }
    }

    /// The form whose action ends so.
    pub(crate) fn form(&self, action: &str) -> &Form {
        self.forms
            .iter()
            .find(|form| form.action.ends_with(action))
            .unwrap_or_else(|| panic!("{} has no form to {action}: {}", self.path, self.heading()))
    }

    /// The text of its first heading.
    pub(crate) fn heading(&self) -> String {
        let html = self.answer.text();
        let inner = html.split_once("<h1").and_then(|(_, rest)| rest.split_once('>'));
        let inner = inner
            .and_then(|(_, rest)| rest.split_once("</h1>"))
            .map(|(inner, _)| inner);
        words(inner.unwrap_or(&html))
    }

    /// All its words, without markup.
    pub(crate) fn words(&self) -> String {
        let html = self.answer.text();
        words(html.split_once("<body").map_or(html.as_str(), |(_, body)| body))
    }

    /// The texts of its elements `<code …>`.
    pub(crate) fn codes(&self) -> Vec<String> {
        let html = self.answer.text();
        html.split("<code")
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .filter_map(|(_, rest)| rest.split_once("</code>"))
            .map(|(inner, _)| unescaped(inner))
            .collect()
    }
}

/// The words of a piece of HTML.
fn words(html: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for character in html.chars() {
        match character {
            '<' => inside = true,
            '>' if inside => {
                inside = false;
                text.push(' ');
            }
            _ if inside => {}
            other => text.push(other),
        }
    }
    unescaped(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every form of a page. Buttons may stand outside of their form and name it.
fn forms(html: &str) -> Vec<Form> {
    let mut forms: Vec<Form> = Vec::new();
    let mut strays: Vec<(String, (String, String))> = Vec::new();
    let mut inside = false;
    for (name, attributes) in tags(html) {
        let attribute = |wanted: &str| {
            attributes
                .iter()
                .find(|(own, _)| own == wanted)
                .map(|(_, value)| value.clone())
        };
        match name.as_str() {
            "form" => {
                inside = true;
                forms.push(Form {
                    id: attribute("id").unwrap_or_default(),
                    action: attribute("action").unwrap_or_default(),
                    method: attribute("method")
                        .unwrap_or_else(|| "get".to_owned())
                        .to_ascii_lowercase(),
                    ..Form::default()
                });
            }
            "/form" => inside = false,
            "input" => {
                if let (true, Some(form), Some(name)) = (inside, forms.last_mut(), attribute("name")) {
                    form.fields.push((name, attribute("value").unwrap_or_default()));
                }
            }
            "button" => {
                let button = (
                    attribute("name").unwrap_or_default(),
                    attribute("value").unwrap_or_default(),
                );
                match (attribute("form"), forms.last_mut()) {
                    (Some(owner), _) => strays.push((owner, button)),
                    (None, Some(form)) if inside => form.buttons.push(button),
                    _ => {}
                }
            }
            _ => {}
        }
    }
    for (owner, button) in strays {
        if let Some(form) = forms.iter_mut().find(|form| form.id == owner) {
            form.buttons.push(button);
        }
    }
    forms
}

/// Every tag with its attributes, names in lower case.
pub(crate) fn tags(html: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut found = Vec::new();
    let mut rest = html;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(comment) = after.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let (tag, after) = tag(after);
        let skipped = (tag.0 == "style").then(|| after.split_once("</style>")).flatten();
        rest = skipped.map_or(after, |(_, after)| after);
        found.push(tag);
    }
    found
}

type Tag = (String, Vec<(String, String)>);

/// A tag from behind its `<`, and what follows its `>`.
fn tag(text: &str) -> (Tag, &str) {
    let is_end = |c: char| c.is_ascii_whitespace() || c == '>';
    let name_ends = text.find(is_end).unwrap_or(text.len());
    let (name, mut rest) = text.split_at(name_ends);
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return ((name.to_ascii_lowercase(), attributes), rest);
        }
        if let Some(after) = rest.strip_prefix('>') {
            return ((name.to_ascii_lowercase(), attributes), after);
        }
        let name_ends = rest.find(|c: char| is_end(c) || c == '=').unwrap_or(rest.len());
        let (attribute, after) = rest.split_at(name_ends.max(1));
        rest = after;
        let mut value = "";
        if let Some(after) = rest.strip_prefix('=') {
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            (value, rest) = match quote {
                Some(quote) => after[1..].split_once(quote).unwrap_or((&after[1..], "")),
                None => after.split_at(after.find(is_end).unwrap_or(after.len())),
            };
        }
        attributes.push((attribute.to_ascii_lowercase(), unescaped(value)));
    }
}

/// HTML without its character references, as far as this server writes them.
pub(crate) fn unescaped(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let reference = after.split_once(';').filter(|(name, _)| name.len() <= 8);
        let character = reference.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            _ => {
                let number = name.strip_prefix('#')?;
                let code = match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        if let (Some(character), Some((_, after))) = (character, reference) {
            text.push(character);
            rest = after;
        } else {
            text.push('&');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}
