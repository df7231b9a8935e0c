package main

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"tiercel.dev/rules"
)

// asAsked are the fields with paths as programs ask for them: which link they pass through is the program's choice.
var asAsked = map[string]bool{
	"fd.name": true, "fd.directory": true, "evt.arg.path": true, "evt.arg.name": true, "evt.arg.oldpath": true, "evt.arg.newpath": true,
	"evt.arg.filename": true,
}

// usualLinks are symbolic links to folders in most images, and where they lead.
var usualLinks = map[string]string{
	"/bin": "usr/bin", "/sbin": "usr/sbin", "/lib": "usr/lib", "/lib64": "usr/lib64", "/var/run": "/run", "/var/lock": "/run/lock",
	"/var/spool/mail": "../mail",
}

// onHost returns where a path of this machine leads, if it is a symbolic link to a folder. /proc's are each process's own.
func onHost(name string) (string, bool) {
	to, err := os.Readlink(name)
	if err != nil || strings.HasPrefix(name, "/proc/") {
		return "", false
	}
	at, err := os.Stat(name)
	return to, err == nil && at.IsDir()
}

// linkWarnings tells of rules that look for a path as asked which passes through a symbolic link: what is asked for by the
// other path they do not see. A rule that looks for the path as resolved, too, is right.
func linkWarnings(list []*rules.Rule, readlink func(string) (string, bool)) rules.Errors {
	var out rules.Errors
	for _, r := range list {
		if found := linksOf(r, readlink); len(found) > 0 {
			out = append(out, &rules.Error{Position: r.Position, Message: fmt.Sprintf(
				"rule %s looks for a path as asked that passes through a symbolic link: %s; fd.path is the path as resolved", r.Name, strings.Join(found, ", "))})
		}
	}
	return out
}

// linksOf lists the links that the rule's paths pass through, each once.
func linksOf(r *rules.Rule, readlink func(string) (string, bool)) []string {
	resolved := map[string]bool{}
	for _, w := range r.Words() {
		if w.Field == "fd.path" {
			resolved[w.Text] = true
		}
	}
	found := map[string]bool{}
	for _, w := range r.Words() {
		if asAsked[w.Field] && strings.HasPrefix(w.Text, "/") && !resolved[w.Text] {
			if link, to, ok := firstLink(w.Text, readlink); ok {
				found[link+" → "+to] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// firstLink is the first part of the path that is a symbolic link, here or in the usual images.
func firstLink(name string, readlink func(string) (string, bool)) (link, to string, ok bool) {
	at := "/"
	for part := range strings.SplitSeq(strings.Trim(name, "/"), "/") {
		at = path.Join(at, part)
		if to, ok := readlink(at); ok {
			return at, to, true
		}
		if to, ok := usualLinks[at]; ok {
			return at, to, true
		}
	}
	return "", "", false
}
