//! Object stores by uri: which one is meant, with credentials from the environment, and what it says when in trouble.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig};
use url::Url;

use super::renewing::Renewing;
use crate::error::{Error, Result};

/// An object store that was found.
pub struct Opened {
    /// Its address, without secrets.
    pub url: Url,
    /// The whole bucket or container.
    pub store: Arc<dyn ObjectStore>,
    /// What all keys begin with.
    pub prefix: Path,
}

/// A place in an object store, taken apart.
pub struct Address {
    /// Everything before the prefix, without a closing slash: what tells one bucket or container from another.
    pub base: String,
    /// What all keys begin with.
    pub prefix: Path,
}

/// Whether a uri names an object store and no local path.
pub fn is_remote(uri: &str) -> bool {
    uri.contains("://") && !uri.starts_with("file://")
}

/// Opens the object store a uri names. Nothing is asked of it yet.
///
/// # Errors
/// `Error::Usage`.
pub fn open(uri: &str) -> Result<Opened> {
    let (url, scheme, prefix) = parse(uri)?;
    let refused = |seen: String, next: &str| Error::usage("store_uri", OPENING, without_secrets(uri), seen, next);
    let store = build(&scheme, &url).ok_or_else(|| refused(format!("the scheme {}", url.scheme()), FORMS))?;
    let environment = "Set the account and its credentials in the environment (docs/RUNBOOK.md lists the names).";
    let store = store.map_err(|e| refused(without_secrets(first_line(&e.to_string())), environment))?;
    Ok(Opened { url: unified(&scheme, &url, &prefix).ok_or_else(|| refused(NO_BUCKET.to_owned(), FORMS))?, store, prefix })
}

/// Takes the uri of an object store apart. Nothing is opened.
///
/// # Errors
/// `Error::Usage`.
pub fn address(uri: &str) -> Result<Address> {
    let (url, scheme, prefix) = parse(uri)?;
    if unified(&scheme, &url, &prefix).is_none() {
        return Err(Error::usage("store_uri", OPENING, without_secrets(uri), NO_BUCKET, FORMS));
    }
    // Of some forms the first part of the path is the container.
    let named = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
    let container = url.path().split('/').filter(|part| !part.is_empty()).take(named(url.path()).saturating_sub(prefix.parts().count()));
    let base = container.fold(url.as_str().get(..url.as_str().len() - url.path().len()).unwrap_or_default().to_owned(), |base, part| format!("{base}/{part}"));
    Ok(Address { base, prefix })
}

/// The bucket or container of an address.
///
/// # Errors
/// `Error::Usage`.
pub fn open_store(base: &str) -> Result<Arc<dyn ObjectStore>> {
    open(base).map(|opened| opened.store)
}

const OPENING: &str = "opening an object store";
const FORMS: &str = "Write s3://bucket/path, gs://bucket/path, az://container/path, abfss://container@account.dfs.core.windows.net/path, or https://account.blob.core.windows.net/container/path.";
const NO_BUCKET: &str = "no bucket or container in it";

pub(super) fn parse(uri: &str) -> Result<(Url, ObjectStoreScheme, Path)> {
    let refused = |seen: String, next: &str| Error::usage("store_uri", OPENING, without_secrets(uri), seen, next);
    let url = Url::parse(uri).map_err(|e| refused(e.to_string(), FORMS))?;
    if url.query().is_some() || url.password().is_some() {
        let next = "Give credentials in the environment only: the job file and its messages are read by many.";
        return Err(refused("a uri with a query or a password".to_owned(), next));
    }
    if url.fragment().is_some() {
        return Err(refused("a uri with a #".to_owned(), "Write # in a name as %23."));
    }
    let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|e| refused(e.to_string(), FORMS))?;
    match scheme {
        ObjectStoreScheme::AmazonS3 | ObjectStoreScheme::GoogleCloudStorage | ObjectStoreScheme::MicrosoftAzure => Ok((url, scheme, prefix)),
        _ => Err(refused(format!("the scheme {}", url.scheme()), FORMS)),
    }
}

/// Throttling and failovers of stores last a minute or two; the waits grow to that, with chance in them.
fn retries() -> RetryConfig {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(250), max_backoff: Duration::from_secs(15), base: 3.0 };
    RetryConfig { backoff, max_retries: 15, retry_timeout: Duration::from_secs(180) }
}

fn build(scheme: &ObjectStoreScheme, url: &Url) -> Option<object_store::Result<Arc<dyn ObjectStore>>> {
    let url = url.to_string();
    let store = match scheme {
        ObjectStoreScheme::AmazonS3 => Renewing::open(move || Ok(Arc::new(AmazonS3Builder::from_env().with_url(&url).with_retry(retries()).build()?))),
        ObjectStoreScheme::GoogleCloudStorage => {
            Renewing::open(move || Ok(Arc::new(GoogleCloudStorageBuilder::from_env().with_url(&url).with_retry(retries()).build()?)))
        }
        ObjectStoreScheme::MicrosoftAzure => Renewing::open(move || Ok(Arc::new(azure().with_url(&url).with_retry(retries()).build()?))),
        _ => return None,
    };
    Some(store.map(|store| Arc::new(store) as _))
}

/// Azure by `object_store`'s names, and by those of the `az` command where the others say nothing.
fn azure() -> MicrosoftAzureBuilder {
    let given: BTreeMap<String, String> = std::env::vars().filter(|(name, value)| name.starts_with("AZURE_") && !value.is_empty()).collect();
    let mut builder = MicrosoftAzureBuilder::from_env();
    for (key, value) in az_settings(&given) {
        builder = builder.with_config(key, value);
    }
    builder
}

/// What the variables of the `az` command say that those of `object_store` do not.
pub(super) fn az_settings(given: &BTreeMap<String, String>) -> Vec<(AzureConfigKey, String)> {
    let connection: BTreeMap<String, &str> = given
        .get("AZURE_STORAGE_CONNECTION_STRING")
        .into_iter()
        .flat_map(|text| text.split(';'))
        .filter_map(|part| part.split_once('='))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
        .collect();
    let endpoint = || {
        let host = format!("{}.blob.{}", connection.get("accountname")?, connection.get("endpointsuffix")?);
        Some(format!("{}://{host}", connection.get("defaultendpointsprotocol").copied().unwrap_or("https")))
    };
    let wanted = [
        (AzureConfigKey::AccountName, ["AZURE_STORAGE_ACCOUNT_NAME"].as_slice(), "AZURE_STORAGE_ACCOUNT", "accountname"),
        (AzureConfigKey::AccessKey, &["AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_ACCESS_KEY"], "AZURE_STORAGE_KEY", "accountkey"),
        (AzureConfigKey::SasKey, &["AZURE_STORAGE_SAS_KEY", "AZURE_STORAGE_SAS_TOKEN"], "AZURE_STORAGE_SAS_TOKEN", "sharedaccesssignature"),
        (AzureConfigKey::Endpoint, &["AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"], "AZURE_STORAGE_SERVICE_ENDPOINT", "blobendpoint"),
    ];
    let mut settings = Vec::new();
    for (key, own, az, part) in wanted {
        if own.iter().any(|name| given.contains_key(*name)) {
            continue;
        }
        let said = given.get(az).cloned().or_else(|| connection.get(part).map(|value| (*value).to_owned()));
        let said = said.or_else(|| (key == AzureConfigKey::Endpoint).then(endpoint).flatten());
        settings.extend(said.map(|value| (key, value)));
    }
    settings
}

/// One address for all spellings of a place: scheme, bucket and prefix.
fn unified(scheme: &ObjectStoreScheme, url: &Url, prefix: &Path) -> Option<Url> {
    let (scheme, bucket) = match (scheme, url.scheme()) {
        (ObjectStoreScheme::MicrosoftAzure, "https") => ("az", url.path_segments()?.next()?),
        (ObjectStoreScheme::MicrosoftAzure, _) if !url.username().is_empty() => ("az", url.username()),
        (ObjectStoreScheme::MicrosoftAzure, _) => ("az", url.host_str()?),
        (ObjectStoreScheme::AmazonS3, "https") => {
            let host = url.host_str()?;
            ("s3", if host.starts_with("s3") || host.ends_with("r2.cloudflarestorage.com") { url.path_segments()?.next()? } else { host.split('.').next()? })
        }
        (ObjectStoreScheme::AmazonS3, _) => ("s3", url.host_str()?),
        _ => ("gs", url.host_str()?),
    };
    if bucket.is_empty() {
        return None;
    }
    let mut address = Url::parse(&format!("{scheme}://{bucket}/")).ok()?;
    address.set_path(&format!("/{prefix}"));
    Some(address)
}

/// What an object store said, with what to do next.
pub fn trouble(tried: &str, place: &str, seen: &object_store::Error) -> Error {
    told_with(tried, place, seen, "let this identity read, write, list and delete there, or give other credentials in the environment; then run again")
}

/// As [`trouble`], for a place that is only read.
pub fn input_trouble(tried: &str, place: &str, seen: &object_store::Error) -> Error {
    told_with(tried, place, seen, "let this identity list and read there, or give other credentials in the environment; then run again")
}

fn told_with(tried: &str, place: &str, seen: &object_store::Error, rights: &str) -> Error {
    let said = without_secrets(&told(seen));
    // Some requests (listings) tell of these by the status alone.
    let status = |number: &str| said.contains(&format!("status code: {number}"));
    let denied = matches!(seen, object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. });
    let next = if denied || status("401") || status("403") {
        rights
    } else if matches!(seen, object_store::Error::NotFound { .. }) || status("404") {
        "see whether the bucket or container exists and the account is the right one, then run again"
    } else {
        "see whether the store can be reached and is sound, then run again; nothing half written can be seen"
    };
    Error::storage("object_store", tried, place, short(&said), next)
}

/// One line of a length people read. Of the XML a store answers with only code and message are told: the rest may repeat
/// what was signed.
fn short(text: &str) -> String {
    const EACH_SIDE: usize = 240;
    let element = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        after.split_once(&format!("</{name}>")).map(|(inside, _)| inside)
    };
    let told = [element("Code"), element("Message")].into_iter().flatten().collect::<Vec<_>>().join(": ");
    let plain = text.split_once("<?xml").or_else(|| text.split_once("<Error")).map_or(text, |(before, _)| before);
    let line = [plain, told.as_str()].join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
    let length = line.chars().count();
    if length <= 2 * EACH_SIDE {
        return line;
    }
    // Where it began and what came of it; between them are addresses.
    let head: String = line.chars().take(EACH_SIDE).collect();
    let tail: String = line.chars().skip(length - EACH_SIDE).collect();
    format!("{head} … {tail}")
}

/// An error with the reason of its reason: the first words are often only the name of a step.
fn told(seen: &object_store::Error) -> String {
    use std::error::Error as _;
    let mut text = seen.to_string();
    let mut below = seen.source();
    while let Some(source) = below {
        let more = source.to_string();
        if !text.contains(first_line(&more)) {
            text = format!("{text}: {more}");
        }
        below = source.source();
    }
    text
}

/// What a library says; with RUST_BACKTRACE set, some say pages.
pub fn first_line(text: &str) -> &str {
    text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("an error without words")
}

/// A text in which addresses have lost their queries and passwords: there signatures and keys stand.
pub fn without_secrets(text: &str) -> String {
    let stops = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ')' | '>' | '<' | ',');
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        let address = after.get(..after.find(stops).unwrap_or(after.len())).unwrap_or_default();
        let plain = address.split(['?', '#']).next().unwrap_or_default();
        let host = plain.split('/').next().unwrap_or_default();
        // `user:password@host` loses its password; `container@account` is no secret.
        let plain = match host.split_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, kept)) => format!("{user}@{kept}{}", plain.get(host.len()..).unwrap_or_default()),
            None => plain.to_owned(),
        };
        safe.push_str(&plain);
        if plain.len() < address.len() && address.contains('?') {
            safe.push_str("?…");
        }
        rest = after.get(address.len()..).unwrap_or_default();
    }
    safe.push_str(rest);
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_address_however_it_is_spelled() {
        let at = |uri: &str| {
            let url = Url::parse(uri).unwrap();
            let (scheme, prefix) = ObjectStoreScheme::parse(&url).unwrap();
            (unified(&scheme, &url, &prefix).unwrap().to_string(), prefix.to_string())
        };
        for (uri, address, prefix) in [
            ("s3://bucket/a/b/", "s3://bucket/a/b", "a/b"),
            ("s3a://bucket", "s3://bucket/", ""),
            ("https://s3.eu-west-1.amazonaws.com/bucket/a", "s3://bucket/a", "a"),
            ("https://bucket.s3.eu-west-1.amazonaws.com/a", "s3://bucket/a", "a"),
            ("gs://bucket/a", "gs://bucket/a", "a"),
            ("az://container/a", "az://container/a", "a"),
            ("abfss://container@account.dfs.core.windows.net/a", "az://container/a", "a"),
            ("abfss://workspace@onelake.dfs.fabric.microsoft.com/lake.Lakehouse/Files/a", "az://workspace/lake.Lakehouse/Files/a", "lake.Lakehouse/Files/a"),
            ("https://account.blob.core.windows.net/container/a", "az://container/a", "a"),
        ] {
            assert_eq!(at(uri), (address.to_owned(), prefix.to_owned()), "{uri}");
        }
    }

    #[test]
    fn a_uri_is_its_bucket_and_what_keys_begin_with() {
        for (uri, base, prefix) in [
            ("s3://bucket/a/b/", "s3://bucket", "a/b"),
            ("s3://bucket", "s3://bucket", ""),
            ("https://bucket.s3.eu-west-1.amazonaws.com/a", "https://bucket.s3.eu-west-1.amazonaws.com", "a"),
            ("https://s3.eu-west-1.amazonaws.com/bucket/a", "https://s3.eu-west-1.amazonaws.com/bucket", "a"),
            ("gs://bucket/with%20blank/%23", "gs://bucket", "with blank/#"),
            ("az://container/a", "az://container", "a"),
            ("abfss://container@account.dfs.core.windows.net/a", "abfss://container@account.dfs.core.windows.net", "a"),
            ("https://account.blob.core.windows.net/container/a/b", "https://account.blob.core.windows.net/container", "a/b"),
        ] {
            let place = super::address(uri).unwrap();
            assert_eq!((place.base.as_str(), place.prefix.as_ref()), (base, prefix), "{uri}");
            let (again, _, prefix) = parse(&place.base).unwrap();
            assert_eq!((again.as_str().trim_end_matches('/'), prefix.as_ref()), (base, ""), "{uri}");
        }
    }

    #[test]
    fn what_names_no_store_or_holds_a_secret_is_refused() {
        for uri in ["ftp://x/y", "https://example.com/x", "s3://", "az:///x", "https://a.blob.core.windows.net/c?sig=hunter2", "s3://key:hunter2@bucket/x"] {
            let error = open(uri).err().unwrap_or_else(|| panic!("{uri} was taken"));
            assert_eq!((error.exit_code(), error.trouble().code), (2, "store_uri"), "{uri}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn variables_of_the_az_command_are_understood() {
        let settings = |pairs: &[(&str, &str)]| {
            let given = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            az_settings(&given).into_iter().map(|(key, value)| (key.as_ref().to_owned(), value)).collect::<BTreeMap<_, _>>()
        };
        let of_az = settings(&[("AZURE_STORAGE_ACCOUNT", "a"), ("AZURE_STORAGE_KEY", "k")]);
        assert_eq!((of_az["azure_storage_account_name"].as_str(), of_az["azure_storage_account_key"].as_str()), ("a", "k"));
        let text = "DefaultEndpointsProtocol=https;AccountName=b;AccountKey=a2V5==;EndpointSuffix=core.windows.net";
        let of_text = settings(&[("AZURE_STORAGE_CONNECTION_STRING", text)]);
        assert_eq!((of_text["azure_storage_account_name"].as_str(), of_text["azure_storage_account_key"].as_str()), ("b", "a2V5=="));
        assert_eq!(of_text["azure_storage_endpoint"], "https://b.blob.core.windows.net");
        let own = settings(&[("AZURE_STORAGE_ACCOUNT_NAME", "own"), ("AZURE_STORAGE_ACCOUNT", "a"), ("AZURE_STORAGE_SAS_TOKEN", "s")]);
        assert!(own.is_empty(), "object_store reads these itself: {own:?}");
    }

    #[test]
    fn of_an_answer_in_xml_code_and_message_are_told() {
        let xml = "<?xml version=\"1.0\"?>\n<Error><Code>SignatureDoesNotMatch</Code><Message>Not equal.</Message><StringToSign>hunter2</StringToSign></Error>";
        assert_eq!(short(&format!("403 Forbidden: {xml}")), "403 Forbidden: SignatureDoesNotMatch: Not equal.");
        assert_eq!(short("no\n  XML"), "no XML");
        let long = short(&format!("first {} last", "x".repeat(900)));
        assert!(long.starts_with("first") && long.ends_with("last") && long.chars().count() == 483, "{long}");
    }

    #[test]
    fn messages_lose_their_secrets() {
        for (said, safe) in [
            ("PUT https://a.blob.core.windows.net/c/k?sv=1&sig=hunter2 in 3s", "PUT https://a.blob.core.windows.net/c/k?… in 3s"),
            ("(url=\"https://u:hunter2@h/x\")", "(url=\"https://u@h/x\")"),
            ("az://container@account/x", "az://container@account/x"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_secrets(said), safe);
        }
    }
}
