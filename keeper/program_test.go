package keeper

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script is a helper that does what the text says.
func script(t *testing.T, text string) Program {
	t.Helper()
	file := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Program{Path: file, Within: time.Minute}
}

// Whatever the helper does, it is done only if it says so.
func TestWhatTheHelperSays(t *testing.T) {
	for name, c := range map[string]struct{ does, says string }{
		"done":                  {`cat >/dev/null; echo '{"schema":1,"files":3}'`, ""},
		"a problem":             {`cat >/dev/null; echo '{"schema":1,"problem":"access denied"}'; exit 1`, "archive: access denied"},
		"a problem, and exit 0": {`cat >/dev/null; echo '{"schema":1,"problem":"access denied"}'`, "access denied"},
		"exit 1 and no problem": {`cat >/dev/null; echo '{"schema":1,"files":3}'; exit 1`, "says no problem"},
		"another schema":        {`cat >/dev/null; echo '{"schema":2}'`, "schema 2"},
		"nothing":               {`cat >/dev/null`, "read answer"},
		"it refuses":            {`cat >/dev/null; echo 'read request: no' >&2; exit 2`, "read request: no"},
		"it crashes":            {`kill -9 $$`, "killed"},
		"too much":              {`cat >/dev/null; head -c 2000000 /dev/zero`, "more than 1048576 bytes"},
	} {
		a, err := script(t, c.does).Do(t.Context(), Request{Task: Archive})
		switch {
		case c.says == "" && (err != nil || a.Files != 3):
			t.Errorf("%s: %+v, %v", name, a, err)
		case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A helper that does not end is ended.
func TestTheHelperIsEnded(t *testing.T) {
	p := script(t, "exec sleep 600")
	if _, err := p.Do(t.Context(), Request{Task: Probe, Within: time.Millisecond}); err == nil {
		t.Error("it has an answer")
	}
}

// The request is on standard input, and nothing is in the arguments.
func TestTheRequest(t *testing.T) {
	dir := t.TempDir()
	p := script(t, `cat >`+dir+`/in; echo "$#" >`+dir+`/args; echo '{"schema":1}'`)
	if _, err := p.Do(t.Context(), Request{Task: Archive, Archive: "s3://evidence", Folder: "/f", Name: "n", Digest: "sha256:d"}); err != nil {
		t.Fatal(err)
	}
	if args, err := os.ReadFile(dir + "/args"); err != nil || string(args) != "0\n" {
		t.Errorf("%q arguments, %v", args, err)
	}
	f, err := os.Open(dir + "/in")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := Request{Schema: Schema, Task: Archive, Within: time.Minute, Archive: "s3://evidence", Folder: "/f", Name: "n", Digest: "sha256:d"}
	if q, err := ReadRequest(f); err != nil || q != want {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestReadRequestRefuses(t *testing.T) {
	for _, text := range []string{"", "{}", `{"schema":2,"within":1}`, `{"schema":1}`, `{"schema":1,"within":1,"more":1}`} {
		if q, err := ReadRequest(strings.NewReader(text)); err == nil {
			t.Errorf("%s: %+v", text, q)
		}
	}
}

// A helper that is not there, or no program, is missing.
func TestFind(t *testing.T) {
	plain := filepath.Join(t.TempDir(), Name)
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", plain, plain + ".none", filepath.Dir(plain)} {
		if at, err := Find(path); !errors.Is(err, ErrMissing) {
			t.Errorf("%q: found %s, %v", path, at, err)
		}
	}
	p := script(t, "")
	if at, err := Find(p.Path); err != nil || at != p.Path {
		t.Errorf("%s, %v", at, err)
	}
}

func TestCheckArchive(t *testing.T) {
	for address, says := range map[string]string{
		"file:///srv/evidence": "", "file:///srv/evidence?prefix=a/": "", "s3://evidence?region=eu-central-1": "", "gs://evidence": "", "azblob://evidence": "",
		"": "no address", "/srv/evidence": "no address", "ftp://x/y": "no address", "mem://": "no address", "s3://": "no bucket",
		"file://srv/evidence": "whole path", "file:evidence": "whole path",
		"s3://key:secret@evidence": "secret", "azblob://evidence?password=x": "secret",
	} {
		err := CheckArchive(address)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v", address, err)
		}
		if err != nil && address != "" && strings.Contains(err.Error(), "key:secret") {
			t.Errorf("it says the secret: %v", err)
		}
	}
}
