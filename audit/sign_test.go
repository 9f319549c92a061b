package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
)

// sshKeygen is the real one: test/needs installs it.
func sshKeygen(t testing.TB, stdin string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("ssh-keygen", args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func sshKeyFile(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if out, err := sshKeygen(t, "", append(args, "-q", "-C", "a comment", "-f", path)...); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

func signerOf(t testing.TB, path string) (*Signer, Signers) {
	t.Helper()
	s, err := LoadSigner(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := LoadSigners(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	return s, all
}

// What we sign the real ssh-keygen verifies, with the lines that docs/operations.md says.
func TestSSHKeygenVerifiesOurSignatures(t *testing.T) {
	path := sshKeyFile(t, "-t", "ed25519", "-N", "")
	s, all := signerOf(t, path)
	a := record.Anchor{Replica: "host-1", Head: record.Head{Lines: 17, Digest: strings.Repeat("ab", 32)}}
	a.Signature = s.sign(a)
	if err := all.Verify(a); err != nil {
		t.Error(err)
	}
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	signers, sig := filepath.Join(dir, "signers"), filepath.Join(dir, "head.sig")
	armored := "-----BEGIN SSH SIGNATURE-----\n" + a.Signature + "\n-----END SSH SIGNATURE-----\n"
	for name, text := range map[string]string{signers: "autorollback " + string(public), sig: armored} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"-Y", "verify", "-f", signers, "-I", "autorollback", "-n", SignatureNamespace, "-s", sig}
	if out, err := sshKeygen(t, a.String()+"\n", args...); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	forged := a
	forged.Lines = 16
	if out, err := sshKeygen(t, forged.String()+"\n", args...); err == nil {
		t.Errorf("another head was verified: %s", out)
	}
}

// What the real ssh-keygen signs we verify: of this head, for this purpose, with this key.
func TestWeVerifyWhatSSHKeygenSigns(t *testing.T) {
	path := sshKeyFile(t, "-t", "ed25519", "-N", "")
	_, all := signerOf(t, path)
	_, others := signerOf(t, sshKeyFile(t, "-t", "ed25519", "-N", ""))
	a := record.Anchor{Replica: "host-1", Head: record.Head{Lines: 17, Digest: strings.Repeat("ab", 32)}}
	signed := func(namespace string) string {
		out, err := sshKeygen(t, a.String()+"\n", "-Y", "sign", "-q", "-f", path, "-n", namespace)
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		block, _ := pem.Decode([]byte(strings.ReplaceAll(out, "SSH SIGNATURE", "X")))
		if block == nil {
			t.Fatalf("no signature: %s", out)
		}
		return base64.StdEncoding.EncodeToString(block.Bytes)
	}
	a.Signature = signed(SignatureNamespace)
	if err := all.Verify(a); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		keys   Signers
		change func(*record.Anchor)
	}{
		"another key":     {others, func(*record.Anchor) {}},
		"no key":          {nil, func(*record.Anchor) {}},
		"another purpose": {all, func(a *record.Anchor) { a.Signature = signed("file") }},
		"another replica": {all, func(a *record.Anchor) { a.Replica = "host-2" }},
		"another line":    {all, func(a *record.Anchor) { a.Lines++ }},
		"another digest":  {all, func(a *record.Anchor) { a.Digest = strings.Repeat("ac", 32) }},
		"cut":             {all, func(a *record.Anchor) { a.Signature = a.Signature[:100] }},
		"none":            {all, func(a *record.Anchor) { a.Signature = "" }},
	} {
		forged := a
		c.change(&forged)
		if c.keys.Verify(forged) == nil {
			t.Errorf("%s was verified", name)
		}
	}
}

// Keys that a daemon cannot use are refused with a sentence, and never quoted.
func TestKeysThatAreRefused(t *testing.T) {
	good, err := os.ReadFile(sshKeyFile(t, "-t", "ed25519", "-N", ""))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ path, says string }{
		"encrypted":   {sshKeyFile(t, "-t", "ed25519", "-N", "a passphrase"), "without a passphrase"},
		"RSA":         {sshKeyFile(t, "-t", "rsa", "-b", "2048", "-N", ""), "only ed25519 is known"},
		"the public":  {sshKeyFile(t, "-t", "ed25519", "-N", "") + ".pub", "users other than"},
		"open to all": {fileOf(t, string(good), 0o644), "users other than"},
		"not a key":   {fileOf(t, "hello", 0o600), "no private key of OpenSSH"},
		"half of one": {fileOf(t, half(good), 0o600), "not as OpenSSH writes it"},
		"not there":   {filepath.Join(t.TempDir(), "none"), "no such file"},
	} {
		if _, err := LoadSigner(c.path); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	for name, text := range map[string]string{"empty": "# none\n", "RSA": "ssh-rsa AAAA x", "not base64": "ssh-ed25519 !", "short": "ssh-ed25519 AAAA"} {
		if _, err := LoadSigners(fileOf(t, text, 0o644)); err == nil {
			t.Errorf("%s was taken for a public key", name)
		}
	}
}

func fileOf(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func half(key []byte) string {
	block, _ := pem.Decode(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:len(block.Bytes)/2]}))
}

// Whatever a signature or a key is made of, reading it ends, and a changed byte is not verified.
func FuzzSSH(f *testing.F) {
	path := sshKeyFile(f, "-t", "ed25519", "-N", "")
	s, all := signerOf(f, path)
	a := record.Anchor{Replica: "a", Head: record.Head{Lines: 1, Digest: "00"}}
	raw, err := base64.StdEncoding.DecodeString(s.sign(a))
	if err != nil {
		f.Fatal(err)
	}
	key, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	block, _ := pem.Decode(key)
	f.Add(raw)
	f.Add(block.Bytes)
	f.Fuzz(func(t *testing.T, blob []byte) {
		a.Signature = base64.StdEncoding.EncodeToString(blob)
		if err := all.Verify(a); err == nil && !bytes.Equal(blob, raw) {
			t.Errorf("verified: %x", blob)
		}
		_, _ = sshKey(pem.EncodeToMemory(&pem.Block{Type: "OPENSSH PRIVATE KEY", Bytes: blob}))
		_, _ = sshPublic(fmt.Sprintf("ssh-ed25519 %s x", base64.StdEncoding.EncodeToString(blob)))
	})
}
