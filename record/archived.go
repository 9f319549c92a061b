package record

import "time"

// Archived says where an incident's sealed evidence was copied, once every file was read back there.
type Archived struct {
	At     time.Time `json:"at"`
	Where  string    `json:"where"`  // the archive's address, and below it the folder's name
	Digest string    `json:"digest"` // of the manifest that was read back, "sha256:…"
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`
}

// Sealed reports whether the evidence is complete and closed with a manifest.
func (i Incident) Sealed() bool { return !i.EvidenceAt.IsZero() && i.EvidenceDigest != "" }

// InArchive reports whether the evidence is in the archive as it was sealed.
func (i Incident) InArchive() bool {
	return i.Sealed() && i.Archived != nil && i.Archived.Digest == i.EvidenceDigest
}
