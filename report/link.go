package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
)

// ApprovePath is where the approval page of a link lives below the external URL: the
// token is the rest of the path.
const ApprovePath = "/approve/"

// What a link's reader must be able to tell apart.
var (
	// ErrToken means that the link is not one of ours: edited, cut, of another
	// environment, or of another approval.
	ErrToken = errors.New("this link is not valid")
	// ErrExpired means that the link was ours, and its time is over.
	ErrExpired = errors.New("this link has expired")
	// ErrStale means that the link is ours, and the plan it was made for is no
	// longer the plan.
	ErrStale = errors.New("this link is for a plan that has changed")
)

const (
	tokenVersion = "1"
	tokenPurpose = "approve-link"
	maxToken     = 4096
)

// Claims are what a verified token binds. Only [Keyring.Verify] makes them.
type Claims struct {
	KeyID    string
	Audience string
	Approval string // id
	Kind     string
	Service  string
	Region   string
	Incident string
	Release  string
	Epoch    int
	Change   string // digest
	Indexes  string // digest of the router's keys and their indexes, sorted by key
	Expires  time.Time
}

// Link returns the address a human opens: the external URL, [ApprovePath] and the
// token. It is empty if the token is.
func Link(external, token string) string {
	if token == "" {
		return ""
	}
	return strings.TrimRight(external, "/") + ApprovePath + token
}

// Sign returns the URL-safe token of an approval, good until its ExpiresAt (in whole
// seconds). It is empty if the keyring is.
//
// The token is base64url(fields ‖ mac), where each field is preceded by its length
// as a varint, and mac is HMAC-SHA256 over the fields with the key named in them.
// There is one algorithm: nothing in a token selects another.
func (k Keyring) Sign(a record.Approval) string {
	if k.Empty() {
		return ""
	}
	c := claim(a)
	c.KeyID, c.Audience = k.keys[0].id, k.audience
	text := c.encode()
	return base64.RawURLEncoding.EncodeToString(append(text, k.keys[0].mac(text)...))
}

// Verify returns what the token binds. It fails with [ErrToken] if no key of the
// ring made it for this audience, and with [ErrExpired] from its expiry on: then, and
// with no other error, the claims say what it was for, and answer nothing any more.
// Whether the plan still stands is [Claims.Match]'s question.
func (k Keyring) Verify(token string, now time.Time) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrToken
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	// Base64 has several spellings of the same bytes; only ours is accepted.
	if err != nil || len(raw) <= sha256.Size || base64.RawURLEncoding.EncodeToString(raw) != token {
		return Claims{}, ErrToken
	}
	text, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	c, ok := decodeClaims(text)
	if !ok {
		return Claims{}, ErrToken
	}
	signer, known := k.find(c.KeyID)
	if !known || !hmac.Equal(mac, signer.mac(text)) || c.Audience != k.audience {
		return Claims{}, ErrToken
	}
	if !now.Before(c.Expires) {
		return c, ErrExpired
	}
	return c, nil
}

// Match compares the claims with the approval as it is stored now. It fails with
// [ErrToken] if they are of another question, and with [ErrStale] if the question is
// the same and the plan is not.
func (c Claims) Match(a record.Approval) error {
	want := claim(a)
	switch {
	case c.Approval != want.Approval, c.Kind != want.Kind, c.Service != want.Service,
		c.Region != want.Region, c.Incident != want.Incident:
		return ErrToken
	case c.Release != want.Release, c.Epoch != want.Epoch:
		return fmt.Errorf("%w: the release moved on", ErrStale)
	case c.Change != want.Change:
		return fmt.Errorf("%w: another change is planned", ErrStale)
	case c.Indexes != want.Indexes:
		return fmt.Errorf("%w: the router's keys were written since", ErrStale)
	case !c.Expires.Equal(want.Expires):
		return fmt.Errorf("%w: its expiry was changed", ErrStale)
	}
	return nil
}

func claim(a record.Approval) Claims {
	return Claims{
		Approval: a.ID, Kind: a.Kind, Service: a.Service, Region: a.Region,
		Incident: a.Incident, Release: a.Release, Epoch: a.Epoch, Change: a.Change,
		Indexes: indexDigest(a.Indexes), Expires: time.Unix(a.ExpiresAt.Unix(), 0).UTC(),
	}
}

func (k key) mac(text []byte) []byte {
	h := hmac.New(sha256.New, []byte(k.secret.Reveal()))
	h.Write(text)
	return h.Sum(nil)
}

// encode writes the fields in a fixed order, each preceded by its length, so that no
// two different sets of claims have the same bytes.
func (c Claims) encode() []byte {
	return lengthPrefixed(tokenVersion, c.KeyID, tokenPurpose, c.Audience, c.Approval, c.Kind,
		c.Service, c.Region, c.Incident, c.Release, strconv.Itoa(c.Epoch), c.Change, c.Indexes,
		strconv.FormatInt(c.Expires.Unix(), 10))
}

func decodeClaims(text []byte) (Claims, bool) {
	f, ok := fields(text)
	if !ok || len(f) != 14 || f[0] != tokenVersion || f[2] != tokenPurpose {
		return Claims{}, false
	}
	epoch, err1 := strconv.Atoi(f[10])
	expires, err2 := strconv.ParseInt(f[13], 10, 64)
	if err1 != nil || err2 != nil {
		return Claims{}, false
	}
	return Claims{
		KeyID: f[1], Audience: f[3], Approval: f[4], Kind: f[5], Service: f[6], Region: f[7],
		Incident: f[8], Release: f[9], Epoch: epoch, Change: f[11], Indexes: f[12],
		Expires: time.Unix(expires, 0).UTC(),
	}, true
}

func indexDigest(indexes map[string]uint64) string {
	var pairs []string
	for _, key := range slices.Sorted(maps.Keys(indexes)) {
		pairs = append(pairs, key, strconv.FormatUint(indexes[key], 10))
	}
	sum := sha256.Sum256(lengthPrefixed(pairs...))
	return string(sum[:])
}

func lengthPrefixed(fields ...string) []byte {
	var out []byte
	for _, f := range fields {
		out = binary.AppendUvarint(out, uint64(len(f)))
		out = append(out, f...)
	}
	return out
}

func fields(text []byte) ([]string, bool) {
	var out []string
	for len(text) > 0 {
		n, used := binary.Uvarint(text)
		if used <= 0 || n > uint64(len(text)-used) {
			return nil, false
		}
		text = text[used:]
		out = append(out, string(text[:n]))
		text = text[n:]
	}
	return out, true
}
