package report

import (
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

func ring(t *testing.T, lines ...secret.Value) Keyring {
	t.Helper()
	var text []string
	for _, l := range lines {
		text = append(text, l.Reveal())
	}
	k, err := ParseKeyring([]byte(strings.Join(text, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return k.For("https://autorollback.example")
}

func approval() record.Approval {
	return record.Approval{
		Schema: 1, ID: "00112233445566778899aabbccddeeff", Kind: "rollback", Service: "ranker", Region: "eu",
		Incident: "inc-0123456789ab", Release: "rel-42", Epoch: 3, Change: "sha256:c4a9",
		Indexes: map[string]uint64{"w/0": 17, "w/1": 18}, Status: record.Pending,
		CreatedAt: breach, ExpiresAt: after(15*time.Minute + 700*time.Millisecond),
	}
}

func TestLink(t *testing.T) {
	k := ring(t, GenerateKey())
	token := k.Sign(approval())
	if url.PathEscape(token) != token || len(token) > 600 {
		t.Errorf("token %s (%d) is no path segment", token, len(token))
	}
	if got, want := Link("https://autorollback.example/", token), "https://autorollback.example/approve/"+token; got != want {
		t.Errorf("link is %s, want %s", got, want)
	}
	claims, err := k.Verify(token, after(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if claims.Approval != approval().ID || claims.Epoch != 3 {
		t.Errorf("claims are %+v", claims)
	}
	if err := claims.Match(approval()); err != nil {
		t.Error(err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	first, second := GenerateKey(), GenerateKey()
	k := ring(t, first)
	token := k.Sign(approval())
	stranger := ring(t, secret.New(strings.Split(first.Reveal(), ":")[0]+":"+strings.Split(second.Reveal(), ":")[1]))
	longAgo := approval()
	longAgo.ExpiresAt = time.Time{}
	for name, c := range map[string]struct {
		ring  Keyring
		token string
		at    time.Duration
		want  error
	}{
		"one second before the end":     {k, token, 15*time.Minute - time.Second, nil},
		"at the end":                    {k, token, 15 * time.Minute, ErrExpired},
		"after the end":                 {k, token, 16 * time.Minute, ErrExpired},
		"no expiry":                     {k, k.Sign(longAgo), 0, ErrExpired},
		"another environment":           {k.For("https://staging.example"), token, 0, ErrToken},
		"no environment":                {k.For(""), token, 0, ErrToken},
		"edited and expired":            {k, token[:len(token)-1] + flip(token[len(token)-1]), time.Hour, ErrToken},
		"another key with the same kid": {stranger, token, 0, ErrToken},
		"unknown key":                   {ring(t, second), token, 0, ErrToken},
		"rotated: both keys":            {ring(t, second, first), token, 0, nil},
		"no keys":                       {Keyring{}, token, 0, ErrToken},
		"empty":                         {k, "", 0, ErrToken},
		"line feed in it":               {k, token[:9] + "\n" + token[9:], 0, ErrToken},
		"padding":                       {k, token + "=", 0, ErrToken},
		"very long":                     {k, strings.Repeat("A", 1<<20), 0, ErrToken},
		"only a mac":                    {k, base64.RawURLEncoding.EncodeToString(make([]byte, 32)), 0, ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := c.ring.Verify(c.token, after(c.at))
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if named := claims != (Claims{}); named == errors.Is(c.want, ErrToken) {
				t.Errorf("it is for %+v", claims)
			}
		})
	}
	if (Keyring{}).Sign(approval()) != "" || Link("https://x", "") != "" {
		t.Error("an empty keyring makes a link")
	}
}

func flip(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

func TestMatch(t *testing.T) {
	k := ring(t, GenerateKey())
	claims, err := k.Verify(k.Sign(approval()), breach)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		edit func(*record.Approval)
		want error
	}{
		"the same":          {func(*record.Approval) {}, nil},
		"status only":       {func(a *record.Approval) { a.Status = record.Expired }, nil},
		"another approval":  {func(a *record.Approval) { a.ID = "ff" }, ErrToken},
		"another kind":      {func(a *record.Approval) { a.Kind = "release_hold" }, ErrToken},
		"another service":   {func(a *record.Approval) { a.Service = "search" }, ErrToken},
		"another region":    {func(a *record.Approval) { a.Region = "us" }, ErrToken},
		"another incident":  {func(a *record.Approval) { a.Incident = "inc-ba9876543210" }, ErrToken},
		"another release":   {func(a *record.Approval) { a.Release = "rel-43" }, ErrStale},
		"another epoch":     {func(a *record.Approval) { a.Epoch++ }, ErrStale},
		"another change":    {func(a *record.Approval) { a.Change = "sha256:0000" }, ErrStale},
		"an index moved":    {func(a *record.Approval) { a.Indexes = map[string]uint64{"w/0": 17, "w/1": 19} }, ErrStale},
		"indexes swapped":   {func(a *record.Approval) { a.Indexes = map[string]uint64{"w/0": 18, "w/1": 17} }, ErrStale},
		"a key more":        {func(a *record.Approval) { a.Indexes = map[string]uint64{"w/0": 17, "w/1": 18, "w/2": 1} }, ErrStale},
		"no keys":           {func(a *record.Approval) { a.Indexes = nil }, ErrStale},
		"a later expiry":    {func(a *record.Approval) { a.ExpiresAt = a.ExpiresAt.Add(time.Hour) }, ErrStale},
		"fields run over":   {func(a *record.Approval) { a.Service, a.Region = "ranke", "reu" }, ErrToken},
		"an index run over": {func(a *record.Approval) { a.Indexes = map[string]uint64{"w/01": 7, "w/1": 18} }, ErrStale},
	} {
		t.Run(name, func(t *testing.T) {
			a := approval()
			c.edit(&a)
			if err := claims.Match(a); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestMutations edits tokens in 100,000 random ways, bytes of the text and of the
// decoded fields, swaps of fields between tokens, cuts and insertions: none passes.
func TestMutations(t *testing.T) {
	k := ring(t, GenerateKey())
	other := approval()
	other.ID, other.Incident, other.Service = strings.Repeat("f", 32), "inc-ba9876543210", "search"
	good := map[string]bool{k.Sign(approval()): true, k.Sign(other): true}
	tokens := []string{k.Sign(approval()), k.Sign(other)}
	r := rand.New(rand.NewPCG(1, 2))
	accepted, tried := 0, 0
	for tried < 100_000 {
		token := mutate(r, tokens[r.IntN(2)], tokens[r.IntN(2)])
		if good[token] {
			continue
		}
		tried++
		if _, err := k.Verify(token, breach); err == nil {
			accepted++
			t.Logf("accepted: %s", token)
		}
	}
	if accepted != 0 {
		t.Errorf("%d of %d mutations were accepted", accepted, tried)
	}
}

func mutate(r *rand.Rand, token, other string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=\n\r .%"
	switch at := r.IntN(len(token)); r.IntN(7) {
	case 0:
		return token[:at] + string(alphabet[r.IntN(len(alphabet))]) + token[at+1:]
	case 1:
		return token[:at] + string(alphabet[r.IntN(len(alphabet))]) + token[at:]
	case 2:
		return token[:at] + token[at+1:]
	case 3:
		return token[:at] + other[min(at, len(other)):]
	case 4:
		return token[:at]
	case 5:
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		raw[r.IntN(len(raw))] ^= byte(1 << r.IntN(8))
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	raw, _ := base64.RawURLEncoding.DecodeString(token)
	i, j := r.IntN(len(raw)), r.IntN(len(raw))
	raw[i], raw[j] = raw[j], raw[i]
	return base64.RawURLEncoding.EncodeToString(raw)
}

func FuzzVerify(f *testing.F) {
	k, err := ParseKeyring([]byte("k1:" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv"))))
	if err != nil {
		f.Fatal(err)
	}
	good := k.Sign(approval())
	f.Add(good)
	f.Add(good[3:])
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := k.Verify(token, breach); err == nil && token != good {
			t.Errorf("accepted %q", token)
		}
	})
}
