package core

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]string{
		// plain and dressed
		"4915112345678":         "4915112345678@s.whatsapp.net",
		"+49 (151) 1234-5678":   "4915112345678@s.whatsapp.net",
		"+49\u00a0151 12345678": "4915112345678@s.whatsapp.net",
		"abc":                   "@s.whatsapp.net",
		"":                      "@s.whatsapp.net",
		// JIDs stay, without their device
		"4915112345678@s.whatsapp.net":    "4915112345678@s.whatsapp.net",
		"4915112345678:12@s.whatsapp.net": "4915112345678@s.whatsapp.net",
		"123456789012345@lid":             "123456789012345@lid",
		"status@broadcast":                "status@broadcast",
		"120363021033254949@newsletter":   "120363021033254949@newsletter",
		"120363021033254949@g.us":         "120363021033254949@g.us",
		// of other servers only the digits count
		"4915112345678@c.us": "4915112345678@s.whatsapp.net",
		"4915112345678:x":    "4915112345678@s.whatsapp.net",
		// groups
		"120363021033254949":        "120363021033254949@g.us",
		"12036302103325494":         "12036302103325494@s.whatsapp.net", // 17 digits
		"4915112345678-1609459200":  "4915112345678-1609459200@g.us",
		"49151123456-1609459200":    "491511234561609459200@g.us", // 22 characters, but 21 digits
		"4915112-1609459":           "49151121609459@s.whatsapp.net",
		"4915112345678-1609459200x": "4915112345678-1609459200@g.us",
		// Mexico and Argentina: of 13 digits the third goes
		"5215512345678":  "525512345678@s.whatsapp.net",
		"525512345678":   "525512345678@s.whatsapp.net",
		"5491112345678":  "541112345678@s.whatsapp.net",
		"54911123456789": "54911123456789@s.whatsapp.net",
		// Brazil: the 9 stays below area code 31 and before numbers below 7
		"5511987654321": "5511987654321@s.whatsapp.net",
		"5530987654321": "5530987654321@s.whatsapp.net",
		"5531987654321": "553187654321@s.whatsapp.net",
		"5531967654321": "5531967654321@s.whatsapp.net",
		"5585999887766": "558599887766@s.whatsapp.net",
		"558599887766":  "558599887766@s.whatsapp.net",
	} {
		if got := Address(number); got != want {
			t.Errorf("Address(%q) = %q, want %q", number, got, want)
		}
	}
}

func TestVariants(t *testing.T) {
	t.Parallel()
	for digits, want := range map[string][]string{
		"4915112345678": {"4915112345678"},
		"558587654321":  {"558587654321", "5585987654321"},
		"5511987654321": {"5511987654321", "551187654321"},
		"525512345678":  {"525512345678", "5215512345678"},
		"5215512345678": {"5215512345678", "525512345678"},
		"541112345678":  {"541112345678", "5491112345678"},
		"5491112345678": {"5491112345678", "541112345678"},
		"":              {""},
	} {
		if got := variants(digits); !slices.Equal(got, want) {
			t.Errorf("variants(%q) = %q, want %q", digits, got, want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"4915112345678", "+55 (31) 98765-4321", "x:1:2@g.us", "1-2@lid:9", "::", "@", "120363021033254949"} {
		f.Add(seed)
	}
	plain := regexp.MustCompile(`^([0-9]*@s\.whatsapp\.net|[0-9-]+@g\.us)$`)
	f.Fuzz(func(t *testing.T, number string) {
		got := Address(number)
		given := strings.Contains(number, "@") && slices.ContainsFunc([]string{"@g.us", "@s.whatsapp.net", "@lid", "@broadcast", "@newsletter"},
			func(s string) bool { return strings.Contains(dropDevice(number), s) })
		if !given && !plain.MatchString(got) {
			t.Errorf("Address(%q) = %q, which is no address", number, got)
		}
		if !given && Address(got) != got {
			t.Errorf("Address(%q) = %q, whose own address is %q", number, got, Address(got))
		}
	})
}
