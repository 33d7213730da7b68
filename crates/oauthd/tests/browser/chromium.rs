//! A headless Chromium, driven by the DevTools protocol over a pair of pipes: no port, no library.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::Deadline;

/// How long one step may take.
const PATIENCE_SECONDS: u64 = 60;

/// The names that Chromium goes by.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A browser with one tab.
pub(crate) struct Chromium {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    last: u64,
    tab: String,
    /// Events that came before somebody waited for them.
    events: Vec<Value>,
    _profile: TempDir,
}

impl Chromium {
    /// Starts one in which pages cannot run scripts.
    pub(crate) fn without_scripts() -> Self {
        let name = NAMES
            .into_iter()
            .find(|name| {
                let version = Command::new(name)
                    .arg("--version")
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                version.is_ok_and(|status| status.success())
            })
            .expect("Chromium is installed");
        let profile = TempDir::new().expect("a temporary directory");
        // Chromium reads commands from descriptor 3 and writes to 4; a shell can arrange that.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", name])
            .args([
                "--remote-debugging-pipe",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let commands = child.stdin.take().expect("stdin is piped");
        let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (send, messages) = channel();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            while output.read_until(0, &mut bytes).is_ok_and(|read| read > 0) {
                bytes.pop();
                let passed_on = serde_json::from_slice(&bytes).map(|message| send.send(message));
                if !matches!(passed_on, Ok(Ok(()))) {
                    return;
                }
                bytes.clear();
            }
        });
        let mut browser = Self {
            child,
            commands,
            messages,
            last: 0,
            tab: String::new(),
            events: Vec::new(),
            _profile: profile,
        };
        let tab = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", &attach);
        session["sessionId"]
            .as_str()
            .expect("a session")
            .clone_into(&mut browser.tab);
        for domain in ["Page", "DOM", "CSS", "Network", "Accessibility"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser.call("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
        browser
    }

    /// One command and its result.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut command = json!({ "id": self.last, "method": method, "params": parameters });
        if !self.tab.is_empty() {
            command["sessionId"] = json!(self.tab);
        }
        self.commands
            .write_all(format!("{command}\0").as_bytes())
            .expect("Chromium listens");
        let deadline = Deadline::in_seconds(PATIENCE_SECONDS);
        loop {
            let message = self
                .messages
                .recv_timeout(deadline.left())
                .unwrap_or_else(|_| panic!("{method}: no answer"));
            if message["id"] == json!(self.last) {
                assert!(message.get("error").is_none(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Waits for an event of that name.
    pub(crate) fn wait_for(&mut self, event: &str) -> Value {
        let is_it = |message: &Value| message["method"] == event;
        if let Some(at) = self.events.iter().position(is_it) {
            return self.events.remove(at)["params"].clone();
        }
        let deadline = Deadline::in_seconds(PATIENCE_SECONDS);
        loop {
            let message = self
                .messages
                .recv_timeout(deadline.left())
                .unwrap_or_else(|_| panic!("no {event}"));
            if is_it(&message) {
                return message["params"].clone();
            }
            self.events.push(message);
        }
    }

    /// Events of that name that came since this was asked last.
    pub(crate) fn heard(&mut self, event: &str) -> Vec<Value> {
        let (heard, rest): (Vec<Value>, Vec<Value>) = std::mem::take(&mut self.events)
            .into_iter()
            .partition(|message| message["method"] == event);
        self.events = rest;
        heard.into_iter().map(|message| message["params"].clone()).collect()
    }

    /// Goes to a page and waits until it is there.
    pub(crate) fn open(&mut self, url: &str) {
        self.heard("Page.loadEventFired");
        let gone = self.call("Page.navigate", &json!({ "url": url }));
        assert!(gone.get("errorText").is_none(), "{url}: {gone}");
        self.wait_for("Page.loadEventFired");
    }

    /// The first element that fits.
    fn element(&mut self, selector: &str) -> Value {
        let document = self.call("DOM.getDocument", &json!({ "depth": 0 }));
        let wanted = json!({ "nodeId": document["root"]["nodeId"], "selector": selector });
        let node = self.call("DOM.querySelector", &wanted)["nodeId"].clone();
        assert_ne!(node, json!(0), "{} has no {selector}", self.url());
        node
    }

    /// Types into a field, as a person does.
    pub(crate) fn type_into(&mut self, selector: &str, text: &str) {
        let node = self.element(selector);
        self.call("DOM.focus", &json!({ "nodeId": node }));
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Clicks on something, as a person does, and waits for the page that follows.
    pub(crate) fn click(&mut self, selector: &str) {
        let node = self.element(selector);
        self.call("DOM.scrollIntoViewIfNeeded", &json!({ "nodeId": node }));
        let model = self.call("DOM.getBoxModel", &json!({ "nodeId": node }));
        let quad: Vec<f64> = model["model"]["border"]
            .as_array()
            .expect("it has a box")
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        let (x, y) = (f64::midpoint(quad[0], quad[4]), f64::midpoint(quad[1], quad[5]));
        self.heard("Page.loadEventFired");
        for kind in ["mousePressed", "mouseReleased"] {
            let at = json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", &at);
        }
        self.wait_for("Page.loadEventFired");
    }

    /// Presses a key; the page that follows is waited for.
    pub(crate) fn press_enter(&mut self) {
        self.heard("Page.loadEventFired");
        for kind in ["keyDown", "keyUp"] {
            let key =
                json!({ "type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13 });
            self.call("Input.dispatchKeyEvent", &key);
        }
        self.wait_for("Page.loadEventFired");
    }

    /// Where it is.
    pub(crate) fn url(&mut self) -> String {
        let history = self.call("Page.getNavigationHistory", &json!({}));
        let at = history["currentIndex"]
            .as_u64()
            .and_then(|at| usize::try_from(at).ok())
            .expect("an index");
        history["entries"][at]["url"].as_str().expect("a URL").to_owned()
    }

    /// The document as it stands.
    pub(crate) fn html(&mut self) -> String {
        let document = self.call("DOM.getDocument", &json!({ "depth": 0 }));
        let html = self.call("DOM.getOuterHTML", &json!({ "nodeId": document["root"]["nodeId"] }));
        html["outerHTML"].as_str().expect("HTML").to_owned()
    }

    /// Looks at pages through a window of that width, in that colour scheme.
    pub(crate) fn look(&mut self, width: u32, scheme: &str) {
        let height = if width < 600 { 844 } else { 800 };
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", &media);
    }

    /// How wide and high the page is.
    pub(crate) fn content_size(&mut self) -> (f64, f64) {
        let metrics = self.call("Page.getLayoutMetrics", &json!({}));
        let size = &metrics["cssContentSize"];
        (
            size["width"].as_f64().expect("a width"),
            size["height"].as_f64().expect("a height"),
        )
    }

    /// A picture of the whole page, as PNG in base64.
    pub(crate) fn screenshot(&mut self) -> String {
        let (width, height) = self.content_size();
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let picture = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let taken = self.call("Page.captureScreenshot", &picture);
        taken["data"].as_str().expect("a picture").to_owned()
    }

    /// What programs that read pages aloud are told: role, name and whether it can have the focus.
    pub(crate) fn accessible(&mut self) -> Vec<(String, String, bool)> {
        let tree = self.call("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        nodes
            .iter()
            .filter(|node| node["ignored"] == json!(false))
            .map(|node| {
                let text = |name: &str| node[name]["value"].as_str().unwrap_or_default().trim().to_owned();
                let properties = node["properties"].as_array().cloned().unwrap_or_default();
                let focusable = properties
                    .iter()
                    .any(|property| property["name"] == "focusable" && property["value"]["value"] == json!(true));
                (text("role"), text("name"), focusable)
            })
            .collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
