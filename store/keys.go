package store

// Root is the prefix of all our own keys. Router keys live elsewhere.
const Root = "autorollback/v1/"

// The keys of our records.
const (
	ControlKey = Root + "control"
	BudgetKey  = Root + "budget"
	HeardKey   = Root + "heard" // when the watchdog was last heard by webhook
)

// ReleaseKey is the key of the release of a service in a region.
func ReleaseKey(service, region string) string { return Root + "release/" + service + "/" + region }

// IncidentKey is the key of an incident.
func IncidentKey(id string) string { return Root + "incident/" + id }

// ApprovalKey is the key of an approval.
func ApprovalKey(id string) string { return Root + "approval/" + id }

// OutboxKey is the key of a message.
func OutboxKey(id string) string { return Root + "outbox/" + id }

// MirrorKey is the key of the mirror of a service in a region.
func MirrorKey(service, region string) string { return Root + "mirror/" + service + "/" + region }

// BundleKey is the key of a bundle's manifest.
func BundleKey(digest string) string { return Root + "bundle/" + digest }

// ShadowKey is the key of the shadow verdict about a candidate bundle.
func ShadowKey(digest string) string { return Root + "shadow/" + digest }

// QuarantineKey is the key of a bundle's quarantine.
func QuarantineKey(digest string) string { return Root + "quarantine/" + digest }

// RulesKey is the key of a service whose rules in Prometheus are not the runbook's.
func RulesKey(service string) string { return Root + "rules/" + service }
