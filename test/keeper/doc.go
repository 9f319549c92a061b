// Package keeper tests the real daemon with its real helper program: from sealed evidence to the archive,
// and to what people are told of it. The archive is a folder, or a bucket behind S3's protocol.
//
// It never looks inside the daemon: it reads the API, the pages and the archive.
package keeper
