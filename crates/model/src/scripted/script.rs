//! What the model says to what.

use serde::Deserialize;
use serde_json::{Map, Value};

/// A script. All of it can be left out: then the model tells a story, counts, and calls the tools that it is told to call.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Script {
    /// Tokens a second; 0 is as fast as it goes.
    pub rate: f64,
    /// How long it thinks before it begins, in milliseconds.
    pub delay_ms: u64,
    /// The first that fits is followed.
    pub rules: Vec<Rule>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            rate: 25.0,
            delay_ms: 0,
            rules: Vec::new(),
        }
    }
}

/// What is said when it is time for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Rule {
    /// What the last message of the user contains, in whatever case. Without it the rule always fits.
    pub when: Option<String>,
    /// The tool whose result is the last message.
    pub after_tool: Option<String>,
    /// How often the rule can be used.
    pub times: Option<u32>,
    /// The answer; `{prompt}` and `{result}` stand for the user's message and for the tool's result.
    pub say: Option<String>,
    /// Tools to call.
    pub call: Vec<ToolCall>,
    /// Tokens a second, instead of the script's.
    pub rate: Option<f64>,
    /// Thinking time, instead of the script's.
    pub delay_ms: Option<u64>,
    /// Answer with this status, and an error.
    pub status: Option<u16>,
    /// Break the connection after so many tokens.
    pub break_after: Option<usize>,
}

/// A tool that is to be called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// Its name.
    pub name: String,
    /// What it is called with; strings may contain `{prompt}` and `{result}`.
    #[serde(default)]
    pub arguments: Map<String, Value>,
}

/// Why a script is none.
#[derive(Debug, thiserror::Error)]
#[error("this is no script of a model: {0}")]
pub struct ScriptError(#[from] serde_json::Error);

impl Script {
    /// Reads a script from JSON.
    ///
    /// # Errors
    /// Which key or value is wrong.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        Ok(serde_json::from_str(text)?)
    }
}
