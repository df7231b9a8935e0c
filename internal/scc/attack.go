package scc

import (
	"slices"
	"strings"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
)

// attackVersion is the version of ATT&CK that attack.tsv is of.
const attackVersion = "17"

// attack says in Security Command Center's words which techniques a rule is about. Of a technique without a word its parent
// is named; of a sub-technique with one, its parent too, as Container Threat Detection does. The first id's tactic is the
// primary one. nil if no id has a word at all: the ids stand in the finding's source properties in any case.
func attack(ids []string) *pb.MitreAttack {
	m := &pb.MitreAttack{Version: attackVersion}
	primary := ""
	for _, id := range ids {
		serves := served(id)
		if primary == "" && len(serves) > 0 {
			primary = serves[0]
			m.PrimaryTactic = tactics[primary]
		}
		into := &m.AdditionalTechniques
		if primary != "" && slices.Contains(serves, primary) {
			into = &m.PrimaryTechniques
		}
		for _, t := range known(id) {
			if !slices.Contains(*into, t) {
				*into = append(*into, t)
			}
		}
		for i, tactic := range serves {
			// A technique of the primary tactic says nothing of what else it may serve.
			if t := tactics[tactic]; i == 0 && t != m.PrimaryTactic && !slices.Contains(m.AdditionalTactics, t) && !slices.Contains(serves, primary) {
				m.AdditionalTactics = append(m.AdditionalTactics, t)
			}
		}
	}
	if m.PrimaryTactic == 0 && len(m.PrimaryTechniques) == 0 && len(m.AdditionalTechniques) == 0 {
		return nil
	}
	return m
}

// served are the tactics of an id, which may be one itself.
func served(id string) []string {
	if _, ok := tactics[id]; ok {
		return []string{id}
	}
	technique, _, _ := strings.Cut(id, ".")
	return tacticsOf[technique]
}

// Tactics are the ids of the tactics that a technique serves, the likeliest first; of a tactic, itself.
func Tactics(id string) []string { return served(id) }

// known is the id's technique and its parent, as far as there are words for them.
func known(id string) (all []pb.MitreAttack_Technique) {
	if t, ok := techniques[id]; ok {
		all = append(all, t)
	}
	if parent, _, ok := strings.Cut(id, "."); ok {
		if t, ok := techniques[parent]; ok {
			all = append(all, t)
		}
	}
	return all
}

// tacticName is the primary tactic as categories begin: "Privilege Escalation". "" if there is none.
func tacticName(m *pb.MitreAttack) string {
	if m.GetPrimaryTactic() == 0 {
		return ""
	}
	words := strings.Split(strings.ToLower(m.PrimaryTactic.String()), "_")
	for i, w := range words {
		if w != "and" {
			words[i] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, " ")
}
