package audit

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"crypto/ed25519"
	"encoding/pem"
)

// The forms of OpenSSH (PROTOCOL, PROTOCOL.key, PROTOCOL.sshsig) that ed25519 keys and signatures have,
// so that ssh-keygen makes the keys and verifies the signatures.
const (
	sshEd25519 = "ssh-ed25519"
	sshMagic   = "openssh-key-v1\x00"
	sigMagic   = "SSHSIG"
)

var errSSH = errors.New("not as OpenSSH writes it")

// sshKey reads the text of a private key as ssh-keygen -t ed25519 writes it, without a passphrase.
func sshKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "OPENSSH PRIVATE KEY" || !bytes.HasPrefix(block.Bytes, []byte(sshMagic)) {
		return nil, errors.New("no private key of OpenSSH: make one with: ssh-keygen -t ed25519 -N '' -f FILE")
	}
	r := wire{rest: block.Bytes[len(sshMagic):]}
	cipher, _, _, keys := r.text(), r.text(), r.text(), r.number()
	r.text() // the public key
	inner := wire{rest: []byte(r.text())}
	if cipher != "none" || keys != 1 {
		return nil, errors.New("it is encrypted, or not one key: a daemon needs one without a passphrase")
	}
	check := inner.number() == inner.number()
	kind, public, private := inner.text(), inner.text(), inner.text()
	key := ed25519.PrivateKey(private)
	switch {
	case r.bad || inner.bad || !check:
		return nil, errSSH
	case kind != sshEd25519:
		return nil, fmt.Errorf("it is of type %.40q; only ed25519 is known: ssh-keygen -t ed25519", kind)
	case len(key) != ed25519.PrivateKeySize || !bytes.Equal(key[32:], []byte(public)) || !bytes.Equal(ed25519.NewKeyFromSeed(key[:32]), key):
		return nil, errSSH
	}
	return key, nil
}

// sshPublic reads one line of a public key's file.
func sshPublic(line string) (ed25519.PublicKey, error) {
	words := strings.Fields(line)
	if len(words) < 2 || words[0] != sshEd25519 {
		return nil, fmt.Errorf("not a public key of the type %s", sshEd25519)
	}
	blob, err := base64.StdEncoding.DecodeString(words[1])
	if err != nil {
		return nil, errSSH
	}
	return publicOf(blob)
}

func publicOf(blob []byte) (ed25519.PublicKey, error) {
	r := wire{rest: blob}
	kind, key := r.text(), r.text()
	if r.bad || len(r.rest) > 0 || kind != sshEd25519 || len(key) != ed25519.PublicKeySize {
		return nil, errSSH
	}
	return ed25519.PublicKey(key), nil
}

func publicBlob(key ed25519.PublicKey) []byte { return put(put(nil, sshEd25519), string(key)) }

// A wire reads SSH's binary form. What is too short makes it bad.
type wire struct {
	rest []byte
	bad  bool
}

func (r *wire) number() uint32 {
	if len(r.rest) < 4 {
		r.bad, r.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint32(r.rest)
	r.rest = r.rest[4:]
	return n
}

func (r *wire) text() string {
	n := r.number()
	if uint64(n) > uint64(len(r.rest)) {
		r.bad, r.rest = true, nil
		return ""
	}
	text := string(r.rest[:n])
	r.rest = r.rest[n:]
	return text
}

// put appends a text in that form.
func put(to []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint32(to, uint32(len(text))), text...)
}
