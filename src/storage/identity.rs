//! Who this program is to an object store, told by the environment without its secrets, and what it may do there, found
//! out without changing anything.

use std::collections::BTreeMap;

use futures::StreamExt as _;
use object_store::aws::AmazonS3ConfigKey;
use object_store::azure::AzureConfigKey;
use object_store::gcp::GoogleConfigKey;
use object_store::{Error as StoreError, ObjectStoreExt as _, ObjectStoreScheme, PutMode, PutOptions, UpdateVersion};
use url::Url;
use uuid::Uuid;

use super::{Storage, remote};
use crate::error::Result;

/// What an identity may do at a place; `None`: that was not found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// See what is there.
    pub list: Option<bool>,
    /// Read it.
    pub read: Option<bool>,
    /// Write; not tried where only inputs are.
    pub write: Option<bool>,
    /// Delete; not tried where only inputs are.
    pub delete: Option<bool>,
}

/// The identity used for a uri of an object store, by the order in which `object_store` looks for credentials.
///
/// # Errors
/// `Error::Usage` for a uri that names no store.
pub fn identity(uri: &str) -> Result<String> {
    let (url, scheme, _) = remote::parse(uri)?;
    let given: BTreeMap<String, String> = std::env::vars().filter(|(_, value)| !value.is_empty()).collect();
    Ok(match scheme {
        ObjectStoreScheme::MicrosoftAzure => azure(&given, &url),
        ObjectStoreScheme::AmazonS3 => s3(&given),
        _ => gcs(&given),
    })
}

/// Settings by their own names: the variable that gives each, and its value.
struct Settings(BTreeMap<String, (String, String)>);

impl Settings {
    fn of<K: std::str::FromStr + AsRef<str>>(given: &BTreeMap<String, String>, start: &str) -> Settings {
        let known = |(name, value): (&String, &String)| {
            let key = name.starts_with(start).then(|| name.to_ascii_lowercase().parse::<K>().ok())??;
            Some((key.as_ref().to_owned(), (name.clone(), value.clone())))
        };
        Settings(given.iter().filter_map(known).collect())
    }

    fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    fn value(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |(_, value)| value)
    }

    fn variable(&self, key: &str) -> &str {
        self.0.get(key).map_or("", |(name, _)| name)
    }

    fn is_true(&self, key: &str) -> bool {
        matches!(self.value(key).to_ascii_lowercase().as_str(), "1" | "true" | "on" | "yes" | "y")
    }
}

fn azure(given: &BTreeMap<String, String>, url: &Url) -> String {
    let mut settings = Settings::of::<AzureConfigKey>(given, "AZURE_");
    let connected = "AZURE_STORAGE_CONNECTION_STRING".to_owned();
    for (key, value) in remote::az_settings(given) {
        let own = ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"].into_iter().find(|name| given.get(*name) == Some(&value));
        settings.0.entry(key.as_ref().to_owned()).or_insert((own.map_or_else(|| connected.clone(), str::to_owned), value));
    }
    // An account in the uri counts before one of the environment.
    let of_uri = url.host_str().filter(|host| host.contains('.')).and_then(|host| host.split('.').next());
    let account = of_uri.unwrap_or_else(|| settings.value("azure_storage_account_name"));
    let client = || format!("{} of tenant {}", settings.value("azure_storage_client_id"), settings.value("azure_storage_tenant_id"));
    let application = settings.has("azure_storage_client_id") && settings.has("azure_storage_tenant_id");
    let by = |words: &str, key: &str| format!("{words} ({})", settings.variable(key));
    let who = if settings.is_true("azure_skip_signature") {
        "nobody, unsigned".to_owned()
    } else if settings.has("azure_fabric_session_token") && settings.has("azure_fabric_token_service_url") {
        by("the Fabric session", "azure_fabric_session_token")
    } else if settings.has("azure_storage_token") {
        by("an access token", "azure_storage_token")
    } else if settings.has("azure_storage_account_key") {
        by("the account key", "azure_storage_account_key")
    } else if application && settings.has("azure_federated_token_file") {
        by(&format!("workload identity {}", client()), "azure_federated_token_file")
    } else if application && settings.has("azure_storage_client_secret") {
        by(&format!("service principal {}", client()), "azure_storage_client_secret")
    } else if settings.has("azure_storage_sas_key") {
        by("a shared access signature", "azure_storage_sas_key")
    } else if settings.is_true("azure_use_azure_cli") {
        "whoever is signed in to the az command".to_owned()
    } else {
        let named = ["azure_storage_client_id", "azure_object_id", "azure_msi_resource_id"].into_iter().find(|key| settings.has(key));
        named.map_or_else(|| "the managed identity of this machine".to_owned(), |key| format!("managed identity {}", settings.value(key)))
    };
    format!("account {account}, {who}")
}

fn s3(given: &BTreeMap<String, String>) -> String {
    let settings = Settings::of::<AmazonS3ConfigKey>(given, "AWS_");
    let who = if settings.is_true("aws_skip_signature") {
        "nobody, unsigned".to_owned()
    } else if settings.has("aws_access_key_id") {
        let token = if settings.has("aws_session_token") { " with a session token" } else { "" };
        format!("access key {}{token} ({})", tail_of(settings.value("aws_access_key_id")), settings.variable("aws_access_key_id"))
    } else if settings.has("aws_web_identity_token_file") && settings.has("aws_role_arn") {
        format!("web identity as {} ({})", settings.value("aws_role_arn"), settings.variable("aws_web_identity_token_file"))
    } else if settings.has("aws_container_credentials_relative_uri") || settings.has("aws_container_credentials_full_uri") {
        "the role of this task or pod".to_owned()
    } else {
        "the role of this machine".to_owned()
    };
    let endpoint = ["aws_endpoint_url_s3", "aws_endpoint"].into_iter().find(|key| settings.has(key));
    match endpoint {
        Some(key) => format!("{who}, at {}", remote::without_secrets(settings.value(key))),
        None => who,
    }
}

/// The last characters, by which an access key is told from others and not used.
fn tail_of(key: &str) -> String {
    let length = key.chars().count();
    if length < 16 { "…".to_owned() } else { format!("…{}", key.chars().skip(length - 4).collect::<String>()) }
}

fn gcs(given: &BTreeMap<String, String>) -> String {
    let settings = Settings::of::<GoogleConfigKey>(given, "GOOGLE_");
    let email = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok().and_then(|key| key.get("client_email")?.as_str().map(str::to_owned));
    let named = |email: Option<String>| email.filter(|email| !email.is_empty()).map_or_else(String::new, |email| format!(" {email}"));
    let in_file = |path: &str| std::fs::read_to_string(path).ok().and_then(|text| email(&text));
    if settings.is_true("google_skip_signature") {
        return "nobody, unsigned".to_owned();
    }
    if settings.has("google_service_account_key") {
        let key = "google_service_account_key";
        return format!("service account{} ({})", named(email(settings.value(key))), settings.variable(key));
    }
    match ["google_service_account", "google_application_credentials"].into_iter().find(|key| settings.has(key)) {
        Some(key) => format!("service account{} ({})", named(in_file(settings.value(key))), settings.variable(key)),
        None => "the service account of this machine".to_owned(),
    }
}

impl Storage {
    /// What this identity may do here; nothing on a local disk. Whether it may write is asked by writing under a condition
    /// that cannot hold, and whether it may delete by deleting what is not there.
    ///
    /// # Errors
    /// `Error::Storage` for any other trouble than a refusal.
    pub fn rights(&self, writes: bool) -> Result<Rights> {
        let mut rights = Rights::default();
        if self.path("").is_some() {
            return Ok(rights);
        }
        let nothing = self.full(&format!("_pecan/probe-{}", Uuid::now_v7()));
        let first = self.wait(async { self.root.list(Some(&self.full(""))).next().await.transpose() });
        let object = first.as_ref().ok().cloned().flatten().map(|meta| meta.location);
        rights.list = self.allowed("listing objects", first.map(drop))?;
        let read = self.wait(self.root.get_range(object.as_ref().unwrap_or(&nothing), 0..1)).map(drop);
        // A first object without any byte has no range.
        rights.read = self.allowed("reading an object", read).or_else(|error| if object.is_some() { Ok(None) } else { Err(error) })?;
        if writes {
            let never = UpdateVersion { e_tag: Some("\"0x0\"".to_owned()), version: Some("1".to_owned()) };
            let options = PutOptions { mode: PutMode::Update(never), ..PutOptions::default() };
            let written = self.wait(self.root.put_opts(&nothing, Vec::new().into(), options)).map(drop);
            rights.write = self.allowed("asking whether objects may be written", written)?;
            rights.delete = self.allowed("asking whether objects may be deleted", self.wait(self.root.delete(&nothing)))?;
        }
        Ok(rights)
    }

    /// Whether an answer is a permission; other trouble is told.
    fn allowed(&self, tried: &str, answer: object_store::Result<()>) -> Result<Option<bool>> {
        match answer {
            Ok(()) | Err(StoreError::NotFound { .. } | StoreError::Precondition { .. } | StoreError::AlreadyExists { .. }) => Ok(Some(true)),
            Err(StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. }) => Ok(Some(false)),
            Err(error) => {
                let trouble = self.trouble(tried, "", &error);
                // Listings tell of a refusal by their status alone.
                let refused = ["401", "403"].iter().any(|status| trouble.trouble().seen.contains(&format!("status code: {status}")));
                if refused { Ok(Some(false)) } else { Err(trouble) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn who_it_is_is_told_without_the_secret() {
        let az = Url::parse("az://c").unwrap();
        let lake = Url::parse("abfss://c@lake.dfs.core.windows.net").unwrap();
        let text = "AccountName=b;AccountKey=hunter2";
        for (said, expect) in [
            (azure(&given(&[("AZURE_STORAGE_ACCOUNT", "a"), ("AZURE_STORAGE_KEY", "hunter2")]), &az), "account a, the account key (AZURE_STORAGE_KEY)"),
            (azure(&given(&[("AZURE_STORAGE_CONNECTION_STRING", text)]), &az), "account b, the account key (AZURE_STORAGE_CONNECTION_STRING)"),
            (azure(&given(&[("AZURE_STORAGE_ACCOUNT", "a")]), &lake), "account lake, the managed identity of this machine"),
            (azure(&given(&[("AZURE_STORAGE_SAS_TOKEN", "sig=hunter2")]), &lake), "account lake, a shared access signature (AZURE_STORAGE_SAS_TOKEN)"),
            (
                azure(&given(&[("AZURE_CLIENT_ID", "app"), ("AZURE_TENANT_ID", "t"), ("AZURE_CLIENT_SECRET", "hunter2")]), &lake),
                "account lake, service principal app of tenant t (AZURE_CLIENT_SECRET)",
            ),
            (s3(&given(&[("AWS_ACCESS_KEY_ID", "AKIAHUNTER2HUNTER2XYZ"), ("AWS_SECRET_ACCESS_KEY", "hunter2")])), "access key …2XYZ (AWS_ACCESS_KEY_ID)"),
            (s3(&given(&[("AWS_ENDPOINT_URL", "http://u:hunter2@h/")])), "the role of this machine, at http://u@h/"),
            (
                gcs(&given(&[("GOOGLE_SERVICE_ACCOUNT_KEY", r#"{"client_email": "job@contoso", "private_key": "hunter2"}"#)])),
                "service account job@contoso (GOOGLE_SERVICE_ACCOUNT_KEY)",
            ),
            (gcs(&given(&[])), "the service account of this machine"),
        ] {
            assert_eq!(said, expect);
        }
    }
}
