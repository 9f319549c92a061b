package keeper

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Schema is the version of the protocol. The two programs come from one release; another schema is refused.
const Schema = 1

// Exit codes of the helper.
const (
	ExitDone    = 0 // it is done
	ExitProblem = 1 // it is not done, and the answer says why
	ExitRequest = 2 // there is no request that this helper understands
)

// Bounds of what passes between the two.
const (
	mostRequest = 64 << 10
	mostAnswer  = 1 << 20
	mostErrors  = 4 << 10 // of standard error
)

// A Task is what the helper is to do.
type Task string

const (
	Probe     Task = "probe"   // write an object of its own into the archive, read it back, and delete it
	Archive   Task = "archive" // copy a sealed folder into the archive, and read back every file
	Verify    Task = "verify"  // read back every file that a manifest in the archive names
	FindImage Task = "find"    // ask a registry whether it has an image
	HoldImage Task = "hold"    // give an image in a registry a tag, by which it stays
)

// A Request is one task.
type Request struct {
	Schema  int           `json:"schema"`
	Task    Task          `json:"task"`
	Within  time.Duration `json:"within"`            // nanoseconds; the helper gives up then, whoever waits for it
	Archive string        `json:"archive,omitempty"` // file:///FOLDER, s3://…, gs://… or azblob://…
	Folder  string        `json:"folder,omitempty"`  // the sealed folder that is copied
	Name    string        `json:"name,omitempty"`    // what the names of its objects begin with
	Digest  string        `json:"digest,omitempty"`  // of its manifest, "sha256:…"
	Image   string        `json:"image,omitempty"`   // name@sha256:…
	Tag     string        `json:"tag,omitempty"`     // that it gets
}

// An Answer is what came of it.
type Answer struct {
	Schema  int    `json:"schema"`
	Problem string `json:"problem,omitempty"` // empty: it is done
	Files   int    `json:"files,omitempty"`   // that were read back and are as the manifest says, itself among them
	Bytes   int64  `json:"bytes,omitempty"`   // of them
	Found   bool   `json:"found,omitempty"`   // the registry has the image; if it was to be held, by the tag
}

// ReadRequest reads the one request of standard input.
func ReadRequest(r io.Reader) (Request, error) {
	var q Request
	d := json.NewDecoder(io.LimitReader(r, mostRequest))
	d.DisallowUnknownFields()
	if err := d.Decode(&q); err != nil {
		return q, fmt.Errorf("read request: %w", err)
	}
	switch {
	case q.Schema != Schema:
		return q, fmt.Errorf("read request: schema %d, and this program knows %d: take both programs from one release", q.Schema, Schema)
	case q.Within <= 0:
		return q, errors.New("read request: it has no time")
	}
	return q, nil
}
