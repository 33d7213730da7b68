//! Whether text can be told from what is behind it (WCAG 2.2, success criterion 1.4.3).

use serde_json::json;

use super::chromium::Chromium;

/// Text of the page whose contrast is too low, with its ratio.
pub(crate) fn too_faint(browser: &mut Chromium) -> Vec<(String, f64)> {
    let document = browser.call("DOM.getFlattenedDocument", &json!({ "depth": -1 }));
    let nodes = document["nodes"].as_array().cloned().unwrap_or_default();
    let mut faint = Vec::new();
    let mut looked_at = 0;
    for text in nodes.iter().filter(|node| node["nodeType"] == 3) {
        let words = text["nodeValue"].as_str().unwrap_or_default().trim();
        let parent = &text["parentId"];
        let Some(element) = nodes.iter().find(|node| node["nodeId"] == *parent) else {
            continue;
        };
        let is_shown = !["STYLE", "TITLE", "SCRIPT"].contains(&element["nodeName"].as_str().unwrap_or_default());
        if words.is_empty() || !is_shown {
            continue;
        }
        let behind = browser.call("CSS.getBackgroundColors", &json!({ "nodeId": parent }));
        // What is kept for programs that read aloud has no colours.
        let Some(behind_text) = behind["backgroundColors"]
            .as_array()
            .and_then(|colours| colours.first())
        else {
            continue;
        };
        let style = browser.call("CSS.getComputedStyleForNode", &json!({ "nodeId": parent }));
        let property = |name: &str| -> String {
            let all = style["computedStyle"].as_array();
            let found = all.and_then(|all| all.iter().find(|property| property["name"] == name));
            found
                .and_then(|property| property["value"].as_str())
                .unwrap_or_default()
                .to_owned()
        };
        let Some(ground) = behind_text.as_str().and_then(colour) else {
            continue;
        };
        let Some(ink) = colour(&property("color")) else {
            panic!("the colour of `{words}` is {}", property("color"));
        };
        let size: f64 = property("font-size").trim_end_matches("px").parse().unwrap_or_default();
        let weight: f64 = property("font-weight").parse().unwrap_or_default();
        let is_large = size >= 24.0 || (size >= 18.66 && weight >= 700.0);
        let ratio = contrast(over(ink, ground), ground);
        looked_at += 1;
        if ratio < if is_large { 3.0 } else { 4.5 } {
            faint.push((words.to_owned(), ratio));
        }
    }
    assert!(
        looked_at >= 5,
        "{looked_at} pieces of text were looked at: {:?}",
        browser.url()
    );
    faint
}

/// Red, green, blue and opacity, each from 0 to 1.
type Colour = [f64; 4];

/// Reads `rgb(1, 2, 3)` and `rgba(1, 2, 3, 0.5)`.
fn colour(text: &str) -> Option<Colour> {
    let inner = text.split_once('(')?.1.strip_suffix(')')?;
    let numbers: Vec<f64> = inner
        .split([',', ' ', '/'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    match numbers.as_slice() {
        [red, green, blue] => Some([red / 255.0, green / 255.0, blue / 255.0, 1.0]),
        [red, green, blue, opacity] => Some([red / 255.0, green / 255.0, blue / 255.0, *opacity]),
        _ => None,
    }
}

/// What is seen when one colour lies on another.
fn over(ink: Colour, ground: Colour) -> Colour {
    let mix = |at: usize| ink[at] * ink[3] + ground[at] * (1.0 - ink[3]);
    [mix(0), mix(1), mix(2), 1.0]
}

fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: Colour) -> f64 {
    let linear = |value: f64| {
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
}

#[test]
fn black_on_white_is_as_plain_as_can_be() {
    let (black, white) = (colour("rgb(0, 0, 0)").unwrap(), colour("rgb(255, 255, 255)").unwrap());
    assert!((contrast(black, white) - 21.0).abs() < 0.01);
    let faint = over(colour("rgba(0, 0, 0, 0.3)").unwrap(), white);
    assert!(contrast(faint, white) < 4.5);
    assert_eq!(colour("transparent"), None);
}
