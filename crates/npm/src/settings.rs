//! npm's settings: `.npmrc` of the project, the user and the machine, and the environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64ct::{Base64, Encoding as _};
use http::Uri;

use crate::error::Error;
use crate::name;

/// The registry that everybody uses who says nothing else.
pub const DEFAULT_REGISTRY: &str = "https://registry.npmjs.org/";
const DEFAULT_HOST: &str = "registry.npmjs.org";

/// How the cache and the registry are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// What the cache has is used as long as the registry said; then it is asked whether that still holds.
    #[default]
    Online,
    /// What the cache has is used however old it is; the registry is asked for the rest.
    PreferOffline,
    /// The registry is never asked.
    Offline,
}

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where packages come from, with a slash at its end.
    pub registry: String,
    /// Where packages of a scope come from, by `@scope`.
    pub scopes: BTreeMap<String, String>,
    /// The value of the `Authorization` header, by what addresses begin with after the scheme.
    pub(crate) authorization: BTreeMap<String, String>,
    /// The proxy for `http:`.
    pub proxy: Option<String>,
    /// The proxy for `https:`.
    pub https_proxy: Option<String>,
    /// Hosts that are reached without a proxy.
    pub no_proxy: Vec<String>,
    /// Authorities to trust instead of the usual ones, as PEM.
    pub authorities: Vec<Vec<u8>>,
    /// Authorities to trust as well, as files of PEM.
    pub more_authorities: Vec<PathBuf>,
    /// Whether certificates are checked.
    pub strict_ssl: bool,
    /// Whether peer dependencies are left alone.
    pub legacy_peer_deps: bool,
    /// Whether a peer dependency that cannot be met is an error.
    pub strict_peer_deps: bool,
    /// Whether a lock file leaves out where packages of the registry are.
    pub omit_resolved: bool,
    /// Whether a lock file is written.
    pub package_lock: bool,
    /// How often something is asked for again.
    pub retries: u32,
    /// How long nothing may come.
    pub timeout: Duration,
    /// How the cache and the registry are used.
    pub network: Network,
    /// The files that were read.
    pub files: Vec<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            registry: DEFAULT_REGISTRY.to_owned(),
            scopes: BTreeMap::new(),
            authorization: BTreeMap::new(),
            proxy: None,
            https_proxy: None,
            no_proxy: Vec::new(),
            authorities: Vec::new(),
            more_authorities: Vec::new(),
            strict_ssl: true,
            legacy_peer_deps: false,
            strict_peer_deps: false,
            omit_resolved: false,
            package_lock: true,
            retries: 2,
            timeout: Duration::from_secs(60),
            network: Network::Online,
            files: Vec::new(),
        }
    }
}

impl Settings {
    /// Reads the settings for a project's folder, with the environment of this process.
    ///
    /// # Errors
    /// A file of settings cannot be read, or a setting cannot be used.
    pub fn load(project: &Path) -> Result<Self, Error> {
        // Names and values that are not Unicode are none that npm would understand.
        let environment: Vec<(String, String)> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::load_with(project, &environment)
    }

    /// Reads the settings for a project's folder, with this environment.
    ///
    /// # Errors
    /// A file of settings cannot be read, or a setting cannot be used.
    pub fn load_with(project: &Path, environment: &[(String, String)]) -> Result<Self, Error> {
        let variable = |name: &str| {
            environment
                .iter()
                .find(|(other, value)| other == name && !value.is_empty())
                .map(|(_, value)| value.clone())
        };
        // npm takes `npm_config_strict_ssl` and `NPM_CONFIG_STRICT_SSL`; dashes of a name are underscores.
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, value) in environment {
            let prefix = name.get(..11).unwrap_or_default();
            if prefix.eq_ignore_ascii_case("npm_config_") && !value.is_empty() {
                let rest = &name[11..];
                // Addresses keep their form.
                let key = if rest.starts_with("//") || rest.starts_with('@') {
                    rest.to_owned()
                } else {
                    rest.to_ascii_lowercase().replace('_', "-")
                };
                values.insert(key, value.clone());
            }
        }
        let home = variable("HOME").map(PathBuf::from);
        let user = values
            .get("userconfig")
            .map(PathBuf::from)
            .or_else(|| Some(home.as_ref()?.join(".npmrc")));
        let global = values.get("globalconfig").map_or_else(
            || {
                values.get("prefix").map_or_else(
                    || PathBuf::from("/usr/etc/npmrc"),
                    |prefix| Path::new(prefix).join("etc/npmrc"),
                )
            },
            PathBuf::from,
        );
        let mut settings = Self::default();
        let project_file = project.join(".npmrc");
        // What was set first counts.
        for file in [Some(project_file.clone()), user, Some(global)]
            .into_iter()
            .flatten()
        {
            let text = match std::fs::read_to_string(&file) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("read", &file)(error)),
            };
            for (key, value) in parse(&text, &variable) {
                values.entry(key).or_insert(value);
            }
            if !settings.files.contains(&file) {
                settings.files.push(file);
            }
        }
        settings.take(&values, project, &variable)?;
        Ok(settings)
    }

    fn take(
        &mut self,
        values: &BTreeMap<String, String>,
        project: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<(), Error> {
        let any = |names: &[&str]| names.iter().find_map(|name| variable(name));
        let place = || match self.files.first() {
            Some(file) => file.display().to_string(),
            None => "the environment".to_owned(),
        };
        let wrong = |name: &str, message: &str| Error::Setting {
            place: place(),
            message: format!("`{name}` {message}"),
        };
        let is = |name: &str, default: bool| match values.get(name).map(String::as_str) {
            Some("true" | "1" | "") => true,
            Some("false" | "0" | "null") => false,
            _ => default,
        };
        let registry = |name: &str, url: &str| -> Result<String, Error> {
            let valid = url.parse::<Uri>().is_ok_and(|uri| {
                matches!(uri.scheme_str(), Some("http" | "https"))
                    && uri.host().is_some_and(|host| !host.is_empty())
            });
            if !valid {
                return Err(wrong(name, &format!("is no address of a registry: {url}")));
            }
            Ok(format!("{}/", url.trim_end_matches('/')))
        };
        let mut scopes = BTreeMap::new();
        let mut authorization = BTreeMap::new();
        for (key, value) in values {
            if let Some(scope) = key
                .strip_suffix(":registry")
                .filter(|key| key.starts_with('@'))
            {
                scopes.insert(scope.to_owned(), registry(key, value)?);
            }
            if let Some((place, name)) = key
                .strip_prefix("//")
                .and_then(|rest| rest.rsplit_once(':'))
            {
                let place = format!("{}/", place.trim_end_matches('/'));
                let header = match name {
                    "_authToken" | "-authtoken" => format!("Bearer {value}"),
                    "_auth" | "-auth" => format!("Basic {value}"),
                    "username" => {
                        let password = values
                            .get(&format!("//{}:_password", place.trim_end_matches('/')))
                            .or_else(|| values.get(&format!("//{place}:_password")));
                        let Some(password) =
                            password.and_then(|text| Base64::decode_vec(text.trim()).ok())
                        else {
                            continue;
                        };
                        let mut pair = format!("{value}:").into_bytes();
                        pair.extend(password);
                        format!("Basic {}", Base64::encode_string(&pair))
                    }
                    "certfile" | "keyfile" => {
                        return Err(wrong(
                            key,
                            "asks for a certificate of the client, which is not supported",
                        ));
                    }
                    _ => continue,
                };
                // A variable that is not set: nobody is told its name in place of a secret.
                if header.contains("${") {
                    continue;
                }
                // A token says more than a name.
                if header.starts_with("Bearer") || !authorization.contains_key(&place) {
                    authorization.insert(place, header);
                }
            }
        }
        let main = values
            .get("registry")
            .map(|url| registry("registry", url))
            .transpose()?;
        let proxy = |name: &str, more: &[&str]| -> Result<Option<String>, Error> {
            let value = values.get(name).cloned().or_else(|| any(more));
            match value.as_deref() {
                None | Some("" | "null" | "false") => Ok(None),
                Some(url) => {
                    let url = if url.contains("://") {
                        url.to_owned()
                    } else {
                        format!("http://{url}")
                    };
                    match url.parse::<Uri>() {
                        Ok(uri) if uri.host().is_some() => Ok(Some(url)),
                        _ => Err(wrong(name, "is no address of a proxy")),
                    }
                }
            }
        };
        let http_proxy = proxy("proxy", &["HTTP_PROXY", "http_proxy", "PROXY", "proxy"])?;
        let https_proxy =
            proxy("https-proxy", &["HTTPS_PROXY", "https_proxy"])?.or_else(|| http_proxy.clone());
        let no_proxy = values
            .get("noproxy")
            .or_else(|| values.get("no-proxy"))
            .cloned()
            .or_else(|| any(&["NO_PROXY", "no_proxy"]))
            .unwrap_or_default();
        let mut authorities = Vec::new();
        if let Some(file) = values
            .get("cafile")
            .filter(|file| !matches!(file.as_str(), "" | "null"))
        {
            let file = project.join(file);
            let pem = std::fs::read(&file).map_err(|error| {
                let file = file.display();
                wrong(
                    "cafile",
                    &format!("names {file}, which cannot be read: {error}"),
                )
            })?;
            authorities.push(pem);
        }
        if let Some(pem) = values.get("ca").filter(|pem| pem.contains("BEGIN")) {
            authorities.push(pem.replace("\\n", "\n").into_bytes());
        }
        let strict_ssl = is("strict-ssl", true);
        let legacy_peer_deps = is("legacy-peer-deps", false);
        let strict_peer_deps = is("strict-peer-deps", false);
        let omit_resolved = is("omit-lockfile-registry-resolved", false);
        let package_lock = is("package-lock", true);
        let network = if is("offline", false) {
            Network::Offline
        } else if is("prefer-offline", false) {
            Network::PreferOffline
        } else {
            Network::Online
        };
        let number = |name: &str| values.get(name).and_then(|text| text.parse::<u64>().ok());
        if let Some(retries) = number("fetch-retries") {
            self.retries = u32::try_from(retries.min(10)).unwrap_or(10);
        }
        if let Some(ms) = number("fetch-timeout").filter(|ms| *ms > 0) {
            self.timeout = Duration::from_millis(ms.min(600_000));
        }
        if let Some(registry) = main {
            self.registry = registry;
        }
        self.more_authorities = variable("NODE_EXTRA_CA_CERTS")
            .map(PathBuf::from)
            .into_iter()
            .collect();
        self.no_proxy = no_proxy
            .split([',', ' '])
            .map(|host| host.trim().to_ascii_lowercase())
            .filter(|host| !host.is_empty())
            .collect();
        self.scopes = scopes;
        self.authorization = authorization;
        self.proxy = http_proxy;
        self.https_proxy = https_proxy;
        self.authorities = authorities;
        self.strict_ssl = strict_ssl;
        self.legacy_peer_deps = legacy_peer_deps;
        self.strict_peer_deps = strict_peer_deps;
        self.omit_resolved = omit_resolved;
        self.package_lock = package_lock;
        self.network = network;
        Ok(())
    }

    /// The same without the keys to registries.
    #[must_use]
    pub fn without_credentials(self) -> Self {
        Self {
            authorization: BTreeMap::new(),
            ..self
        }
    }

    /// The registry of a package, with a slash at its end.
    #[must_use]
    pub fn registry_of(&self, package: &str) -> &str {
        name::scope(package)
            .and_then(|scope| self.scopes.get(scope))
            .unwrap_or(&self.registry)
    }

    /// What goes into the `Authorization` header for an address: that of the longest beginning that has one.
    pub(crate) fn authorization_for(&self, url: &Uri) -> Option<&str> {
        let authority = url.authority()?;
        let mut place = format!("{}{}", authority.as_str(), url.path());
        loop {
            let end = place.rfind('/')?;
            place.truncate(end + 1);
            if let Some(value) = self.authorization.get(&place) {
                return Some(value);
            }
            place.pop();
        }
    }

    /// An address of an archive in the registry that is used: those of the registry that everybody uses stand for it.
    pub(crate) fn in_own_registry(&self, package: &str, url: &str) -> String {
        let registry = self.registry_of(package);
        let rest = ["https://", "http://"].iter().find_map(|scheme| {
            url.strip_prefix(scheme)?
                .strip_prefix(DEFAULT_HOST)?
                .strip_prefix('/')
        });
        match rest {
            Some(rest) => format!("{registry}{rest}"),
            None => url.to_owned(),
        }
    }

    /// Whether an address is in a registry that these settings name.
    pub(crate) fn is_known(&self, url: &str) -> bool {
        let origin = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            Some((
                uri.scheme_str()?.to_owned(),
                uri.authority()?.as_str().to_ascii_lowercase(),
            ))
        };
        let Some(origin_of_url) = origin(url) else {
            return false;
        };
        self.scopes
            .values()
            .chain([&self.registry])
            .any(|registry| origin(registry).as_ref() == Some(&origin_of_url))
    }
}

/// The settings of a file, in its order; of a name that is there twice the last counts, as npm has it.
fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let key = expand(key.trim().trim_end_matches("[]"), variable);
        found.insert(key, expand(unquote(value.trim()), variable));
    }
    found
}

fn unquote(value: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = value
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    // What follows a semicolon or a hash is a comment, where a blank is before it.
    let end = [" ;", " #"]
        .iter()
        .filter_map(|start| value.find(start))
        .min()
        .unwrap_or(value.len());
    value[..end].trim_end()
}

/// Puts variables in: `${NAME}` stays as it is when there is no such variable, `${NAME?}` becomes nothing.
fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let written = &rest[start..=start + length];
        let name = &rest[start + 2..start + length];
        made.push_str(&rest[..start]);
        let (name, optional) = match name.strip_suffix('?') {
            Some(name) => (name, true),
            None => (name, false),
        };
        match variable(name) {
            Some(value) => made.push_str(&value),
            None if optional => {}
            None => made.push_str(written),
        }
        rest = &rest[start + length + 1..];
    }
    made.push_str(rest);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(project: &str, user: &str, environment: &[(&str, &str)]) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        std::fs::write(folder.path().join(".npmrc"), project).unwrap();
        std::fs::write(home.join(".npmrc"), user).unwrap();
        let mut variables = vec![
            ("HOME".to_owned(), home.display().to_string()),
            (
                "npm_config_globalconfig".to_owned(),
                home.join("none").display().to_string(),
            ),
        ];
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        Settings::load_with(folder.path(), &variables).unwrap()
    }

    #[test]
    fn the_environment_is_above_the_project_and_that_above_the_user() {
        let settings = load(
            "registry=https://project.example/npm\n; comment\n@s:registry = \"https://scope.example/\"\nstrict-ssl=false",
            "registry=https://user.example\nlegacy-peer-deps=true\nproxy=proxy.example:3128",
            &[
                ("NPM_CONFIG_REGISTRY", "https://environment.example"),
                ("NO_PROXY", "localhost,.internal"),
            ],
        );
        assert_eq!(settings.registry, "https://environment.example/");
        assert_eq!(settings.registry_of("@s/a"), "https://scope.example/");
        assert_eq!(
            settings.registry_of("@other/a"),
            "https://environment.example/"
        );
        assert!(!settings.strict_ssl && settings.legacy_peer_deps);
        assert_eq!(
            settings.https_proxy.as_deref(),
            Some("http://proxy.example:3128")
        );
        assert_eq!(settings.no_proxy, ["localhost", ".internal"]);
        assert_eq!(
            load("registry=https://project.example/npm", "", &[]).registry,
            "https://project.example/npm/"
        );
    }

    #[test]
    fn secrets_go_only_where_they_belong() {
        let settings = load(
            "//a.example/npm/:_authToken=${TOKEN}\n//b.example/:username=me\n//b.example/:_password=c2VjcmV0\n//c.example/:_auth=eDp5\n//d.example/:_authToken=${UNSET}",
            "//a.example/:_authToken=other",
            &[("TOKEN", "t0ken")],
        );
        let of = |url: &str| {
            settings
                .authorization_for(&url.parse().unwrap())
                .map(str::to_owned)
        };
        assert_eq!(
            of("https://a.example/npm/pkg").as_deref(),
            Some("Bearer t0ken")
        );
        assert_eq!(of("https://a.example/pkg").as_deref(), Some("Bearer other"));
        assert_eq!(
            of("https://b.example/x/y").as_deref(),
            Some("Basic bWU6c2VjcmV0")
        );
        assert_eq!(of("https://c.example/x").as_deref(), Some("Basic eDp5"));
        assert_eq!(of("https://d.example/x"), None);
        assert_eq!(of("https://a.example.evil/npm/pkg"), None);
        assert_eq!(of("https://a.example:444/npm/pkg"), None);
    }

    #[test]
    fn addresses_of_the_usual_registry_stand_for_the_one_that_is_set() {
        let settings = load("registry=https://own.example/npm/", "", &[]);
        assert_eq!(
            settings.in_own_registry("a", "https://registry.npmjs.org/a/-/a-1.0.0.tgz"),
            "https://own.example/npm/a/-/a-1.0.0.tgz"
        );
        assert!(settings.is_known("https://own.example/anything"));
        assert!(!settings.is_known("https://elsewhere.example/a/-/a-1.0.0.tgz"));
        assert!(!settings.is_known("file:///etc/passwd"));
    }
}
