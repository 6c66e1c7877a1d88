//! What scripts start `wrangler dev` with beyond what `atoll dev` does something about.

use clap::Args;

use crate::error::Error;

/// Flags that ask for what is so here anyway, or for what one's own machine does not have. What is asked for and does not
/// happen is told.
#[derive(Args, Debug)]
pub(crate) struct Wrangler {
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    local: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    test_scheduled: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    latest: Option<bool>,
    /// What bindings lead to is made when it is used.
    #[arg(long, hide = true, alias = "x-provision", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    experimental_provision: Option<bool>,
    #[arg(long, hide = true, alias = "x-auto-create", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    experimental_auto_create: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    live_reload: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    show_interactive_dev_session: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    types: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    tunnel: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    enable_containers: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    install_skills: Option<bool>,
    #[arg(long, hide = true, alias = "x-new-config", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    experimental_new_config: Option<bool>,
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    node_compat: Option<bool>,
    /// Any of these says that something is not to be which is not there.
    #[arg(
        long = "no-live-reload",
        hide = true,
        action = clap::ArgAction::Count,
        aliases = [
            "no-local", "no-remote", "no-test-scheduled", "no-latest", "no-experimental-provision", "no-x-provision",
            "no-experimental-auto-create", "no-x-auto-create", "no-show-interactive-dev-session", "no-types", "no-tunnel",
            "no-enable-containers", "no-install-skills", "no-experimental-new-config", "no-x-new-config", "no-node-compat",
        ],
    )]
    not: u8,
    #[arg(long, hide = true)]
    inspector_ip: Option<String>,
    #[arg(long, hide = true)]
    compatibility_date: Option<String>,
    #[arg(long, hide = true, alias = "route")]
    routes: Vec<String>,
    #[arg(long, hide = true)]
    https_key_path: Option<String>,
    #[arg(long, hide = true)]
    https_cert_path: Option<String>,
    #[arg(long, hide = true)]
    site: Option<String>,
    #[arg(long, hide = true)]
    site_include: Vec<String>,
    #[arg(long, hide = true)]
    site_exclude: Vec<String>,
    #[arg(long, hide = true)]
    tunnel_name: Option<String>,
    #[arg(long, hide = true)]
    profile: Option<String>,
    #[arg(short, long, hide = true, num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    remote: Option<bool>,
}

impl Wrangler {
    /// What cannot be done without it being another thing.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.remote == Some(true) {
            return Err(Error::mistake(
                "there is no cloud to run this in",
                "leave --remote out: everything runs on this machine",
            ));
        }
        if self.node_compat == Some(true) {
            return Err(Error::mistake(
                "--node-compat is no more, as in wrangler 4",
                "Node.js's modules are there anyway: leave it out, or type --compatibility-flags nodejs_compat",
            ));
        }
        Ok(())
    }

    /// What is asked for and does nothing, in sentences.
    pub(crate) fn without_effect(&self) -> Vec<String> {
        let is = |flag: Option<bool>| flag == Some(true);
        let told = [
            (
                self.compatibility_date.is_some(),
                "--compatibility-date",
                "the runtime behaves as on 2026-06-11, whichever date is named",
            ),
            (
                self.inspector_ip.is_some(),
                "--inspector-ip",
                "there is no inspector yet",
            ),
            (
                is(self.live_reload),
                "--live-reload",
                "pages do not reload by themselves",
            ),
            (
                is(self.show_interactive_dev_session),
                "--show-interactive-dev-session",
                "there are no keys to press",
            ),
            (
                !self.routes.is_empty(),
                "--routes",
                "all requests go to the first worker; --host sets the host that it sees",
            ),
            (
                self.https_key_path.is_some() || self.https_cert_path.is_some(),
                "--https-key-path and --https-cert-path",
                "there is no https yet; a proxy before this can speak it",
            ),
            (
                self.site.is_some()
                    || !self.site_include.is_empty()
                    || !self.site_exclude.is_empty(),
                "--site, --site-include and --site-exclude",
                "Workers Sites is not supported; serve the folder with --assets",
            ),
            (is(self.types), "--types", "`wrangler types` writes them"),
            (
                is(self.tunnel) || self.tunnel_name.is_some(),
                "--tunnel",
                "this is reachable at the address that it listens on, and nowhere else",
            ),
            (
                is(self.enable_containers),
                "--enable-containers",
                "containers are not supported yet",
            ),
            (
                is(self.install_skills),
                "--install-skills",
                "nothing is installed but packages",
            ),
            (
                self.profile.is_some(),
                "--profile",
                "there is no account to sign in with",
            ),
            (
                is(self.experimental_new_config),
                "--experimental-new-config",
                "wrangler.jsonc, .json or .toml is read",
            ),
        ];
        told.into_iter()
            .filter(|(is_asked, ..)| *is_asked)
            .map(|(_, flag, why)| {
                let does = if flag.contains(" and ") { "do" } else { "does" };
                format!("{flag} {does} nothing: {why}")
            })
            .collect()
    }
}
