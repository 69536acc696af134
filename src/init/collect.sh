#!/bin/sh
# Fetches what pecan cannot see in the cost exports: who has which role where. Reads from Azure, changes nothing there.
#
#   ./collect.sh                   lists: role assignments and Lighthouse delegations of every subscription you can see
#   ./collect.sh activity [DAYS]   role changes of the last DAYS days (default 89; Azure keeps 90) from the activity log
#   ./collect.sh groups            the AdminAgents and HelpdeskAgents groups: once, signed in to your own tenant
#   ./collect.sh partner-link      the Partner Admin Link of the identity that is signed in: once for each that has one
#   ./collect.sh download ACCOUNT CONTAINER FOLDER   copies a container (cost exports, insights-activity-logs) to FOLDER
#
# Run the first two every day before `pecan run`. What was assigned before the activity log begins is known from lists alone,
# so the first list is worth the most: take it today. Then `pecan init` again, or `pecan check job.toml`.
#
# Needs the az CLI, 2.57 or newer, signed in. Azure shows a customer's subscriptions only to whoever signed in to the customer's
# tenant (az login --tenant TENANT, once each; `az account list` then shows all) or has them by Lighthouse. Reader on the
# subscription is enough.
#
# To keep the activity log beyond 90 days, once per subscription:
#   az monitor diagnostic-settings subscription create --subscription ID --name pecan --location westeurope \
#     --storage-account STORAGE_ACCOUNT_ID --logs '[{"category": "Administrative", "enabled": true}]'
set -eu
cd "$(dirname "$0")"
stamp=$(date -u +%Y%m%dT%H%M%SZ)
failed=0

# fetch FILE COMMAND...: the answer, kept only if the command succeeded: half a list would look like access taken away.
fetch() {
  file=$1
  part=$(dirname "$file")/.part # a name pecan passes over
  shift
  mkdir -p "$(dirname "$file")"
  if "$@" --output json > "$part"; then
    mv "$part" "$file"
  else
    rm -f "$part"
    echo "not fetched: $file" >&2
    failed=1
  fi
}

subscriptions() {
  az account list --query "[?state=='Enabled'].id" --output tsv | tr -d '\r' | sort -u
}

lists() {
  # One stamp for all: it was true then or later, and later is what created_on says.
  for id in $(subscriptions); do
    fetch "az/$stamp/role-assignments/$id.json" az role assignment list --all --subscription "$id" \
      --fill-principal-name false --fill-role-definition-name false
    fetch "az/$stamp/registration-assignments/$id.json" az managedservices assignment list --include-definition true --subscription "$id"
  done
}

activity() {
  from=$(date -u -d "-${1:-89} days" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -v "-${1:-89}d" +%Y-%m-%dT%H:%M:%SZ)
  for id in $(subscriptions); do
    for namespace in Microsoft.Authorization Microsoft.ManagedServices; do
      fetch "activity/$id/$stamp-$namespace.json" az monitor activity-log list --subscription "$id" --start-time "$from" \
        --namespace "$namespace" --max-events 100000
    done
    # The newest records of any operation: they show up to when the log was read.
    fetch "activity/$id/$stamp-newest.json" az monitor activity-log list --subscription "$id" --offset 1d --max-events 50
  done
}

case ${1:-lists} in
  lists) lists ;;
  activity) activity "${2:-89}" ;;
  groups)
    tenant=$(az account show --query tenantId --output tsv | tr -d '\r')
    fetch "az/groups/$tenant.json" az ad group list --filter "displayName eq 'AdminAgents' or displayName eq 'HelpdeskAgents'"
    ;;
  partner-link)
    az extension add --name managementpartner --only-show-errors
    fetch "az/partner-link/$stamp.json" az managementpartner show
    ;;
  download) az storage blob download-batch --auth-mode login --account-name "$2" --source "$3" --destination "$4" ;;
  *)
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
exit "$failed"
