package audit

import (
	"crypto/ed25519"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

// SignatureNamespace is what signatures of heads are for, as in ssh-keygen -Y verify -n: one that the same
// key made for anything else is none.
const SignatureNamespace = "autorollback-journal"

// A Signer signs heads of a journal with an ed25519 key of OpenSSH. It proves that whoever holds the key
// has seen the journal like this: who can write the store and the files, and has not the key, cannot make
// another head. It does not prove that there is no newer one.
type Signer struct{ key ed25519.PrivateKey }

// LoadSigner reads a private key's file, which nobody but its owner may read.
func LoadSigner(path string) (*Signer, error) {
	text, err := secret.Read(path, secret.Owner)
	if err != nil {
		return nil, fmt.Errorf("read signing key: %w", err)
	}
	key, err := sshKey(text)
	if err != nil {
		return nil, fmt.Errorf("read signing key %s: %w", path, err)
	}
	return &Signer{key}, nil
}

// sign is the signature of an anchor's text: OpenSSH's form in base64, without the lines around it.
func (s *Signer) sign(a record.Anchor) string {
	blob := binary.BigEndian.AppendUint32([]byte(sigMagic), 1)
	blob = put(blob, string(publicBlob(s.key.Public().(ed25519.PublicKey))))
	blob = put(put(put(blob, SignatureNamespace), ""), "sha512")
	made := put(put(nil, sshEd25519), string(ed25519.Sign(s.key, signedText(a))))
	return base64.StdEncoding.EncodeToString(put(blob, string(made)))
}

// signedText is what a signature is made of: of the anchor's line, as messages have it.
func signedText(a record.Anchor) []byte {
	h := sha512.Sum512([]byte(a.String() + "\n"))
	return put(put(put(put([]byte(sigMagic), SignatureNamespace), ""), "sha512"), string(h[:]))
}

// Signers are the public keys whose signatures count.
type Signers []ed25519.PublicKey

// LoadSigners reads a file of public keys, one a line, as ssh-keygen writes it beside the private one.
func LoadSigners(path string) (Signers, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	var all Signers
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := sshPublic(line)
		if err != nil {
			return nil, fmt.Errorf("read public key %s: %w", path, err)
		}
		all = append(all, key)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("read public key %s: there is none in it", path)
	}
	return all, nil
}

// Verify reports whether one of the keys signed the anchor.
func (all Signers) Verify(a record.Anchor) error {
	blob, err := base64.StdEncoding.DecodeString(a.Signature)
	if err != nil || len(blob) < len(sigMagic) || string(blob[:len(sigMagic)]) != sigMagic {
		return errSSH
	}
	r := wire{rest: blob[len(sigMagic):]}
	version, public, namespace, reserved, hash := r.number(), r.text(), r.text(), r.text(), r.text()
	inner := wire{rest: []byte(r.text())}
	kind, made := inner.text(), inner.text()
	whole := !r.bad && !inner.bad && len(r.rest)+len(inner.rest) == 0
	if !whole || version != 1 || namespace != SignatureNamespace || reserved != "" || hash != "sha512" || kind != sshEd25519 {
		return errSSH
	}
	for _, key := range all {
		if string(publicBlob(key)) == public && ed25519.Verify(key, signedText(a), []byte(made)) {
			return nil
		}
	}
	return errors.New("none of the keys made this signature")
}
