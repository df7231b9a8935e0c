package upgrade

import "testing"

func TestParse(t *testing.T) {
	for text, want := range map[string]bool{
		"1.33.4-gke.1172000": true, "1.33.4-gke.1172000+rapid": true, "1.33.4-gke.1172000-cos": true,
		"1.33": false, "": false, "1.33.4": false, "v1.33.4-gke.1": false, "1.33.4-gke.": false, "1.33.99999999999999999999-gke.1": false,
	} {
		v, ok := parse(text)
		if ok != want || ok && v.text != text {
			t.Errorf("%q: %v, %v", text, v, ok)
		}
	}
}

// As text each of these would be the other way round.
func TestCompare(t *testing.T) {
	for _, pair := range [][2]string{
		{"1.9.0-gke.1", "1.10.0-gke.1"}, {"1.33.9-gke.1", "1.33.10-gke.1"}, {"1.33.4-gke.999", "1.33.4-gke.1000"}, {"1.33.4-gke.1", "1.33.4-gke.2+x"},
	} {
		a, _ := parse(pair[0])
		b, _ := parse(pair[1])
		if !b.newerThan(a) || a.newerThan(b) {
			t.Error(pair)
		}
	}
	a, _ := parse("1.33.99-gke.99")
	if alias := newestOf(1, 33); !alias.newerThan(a) || alias.exact() || alias.text != "1.33" {
		t.Errorf("%v", newestOf(1, 33))
	}
}
