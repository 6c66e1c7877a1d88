//! `atoll model`: the scripted model as a server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use gateway::{Gateway, Target};
use model::{Script, Scripted};
use owo_colors::OwoColorize as _;

use crate::arguments::Model;
use crate::error::Error;
use crate::terminal;

const DEFAULT_PORT: u16 = 8788;

pub(crate) async fn run(arguments: Model) -> Result<(), Error> {
    let stop = super::Stop::listen()?;
    let mut script = match &arguments.script {
        None => Script::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| {
                Error::mistake(
                    format_args!("cannot read {}: {error}", path.display()),
                    "--script names a JSON file",
                )
            })?;
            Script::parse(&text).map_err(|error| {
                Error::mistake(
                    format_args!("{}: {error}", path.display()),
                    "it has the form {\"rules\": [{\"when\": \"hello\", \"say\": \"Hello!\"}]}",
                )
            })?
        }
    };
    if let Some(rate) = arguments.rate {
        script.rate = rate;
    }
    let ip = arguments.ip.unwrap_or(IpAddr::from([127, 0, 0, 1]));
    let address = SocketAddr::new(ip, arguments.port.unwrap_or(DEFAULT_PORT));
    let gateway = Gateway::bind(
        gateway::Options::new(address),
        Target {
            name: "model".into(),
            fetcher: Arc::new(Scripted::new(script)),
        },
    )?;
    let url = format!("{}/v1", super::url(gateway.address()));
    terminal::line(format_args!(
        "\n  {} {}\n\n  a scripted model at {}\n",
        "atoll".cyan().bold(),
        "model".bold(),
        url.cyan().underline()
    ));
    terminal::line(format_args!(
        "  {}\n",
        format_args!("atoll.jsonc: {{ \"model\": {{ \"url\": \"{url}\" }} }}").dimmed()
    ));
    gateway.run(stop.asked()).await;
    Ok(())
}
