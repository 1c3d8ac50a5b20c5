package core

import (
	"strings"
	"unicode"
)

// Servers of WhatsApp's addresses.
const (
	personServer  = "@s.whatsapp.net"
	groupServer   = "@g.us"
	channelServer = "@newsletter"
)

// minGroup is how many digits make an id a group's and not a phone number.
const minGroup = 18

// minOldGroup is the length of <creator>-<time>, the ids of old groups.
const minOldGroup = 24

// Address makes a JID of what users write: digits in any dress, or a JID. It is
// the rule of Evolution 2.3 (createJid), which its clients know (and of 2.4, where
// a channel is not taken for a group), with the peculiarities of three countries:
//
//	Mexico 52, Argentina 54   of 13 digits, the third goes
//	Brazil 55                 of 13 digits, the 9 before the number goes where
//	                          mobile numbers were not given one: area code from 31 on
//	                          and a number from 7 on
//
// What has no digits gives "@s.whatsapp.net", which nobody has.
func Address(number string) string {
	number = dropDevice(number)
	for _, server := range []string{groupServer, personServer, "@lid", "@broadcast", channelServer} {
		if strings.Contains(number, server) {
			return number
		}
	}
	number = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '\ufeff' || strings.ContainsRune("+()", r) {
			return -1
		}
		return r
	}, number)
	if cut := strings.IndexAny(number, ":@"); cut >= 0 {
		number = number[:cut]
	}
	if strings.Contains(number, "-") && len(number) >= minOldGroup {
		return strings.Map(func(r rune) rune {
			if r != '-' && (r < '0' || r > '9') {
				return -1
			}
			return r
		}, number) + groupServer
	}
	digits := Digits(number)
	if len(digits) >= minGroup {
		return digits + groupServer
	}
	return national(digits) + personServer
}

// dropDevice removes the first ":<digits>".
func dropDevice(number string) string {
	for i := range len(number) {
		if number[i] != ':' {
			continue
		}
		end := i + 1
		for end < len(number) && number[end] >= '0' && number[end] <= '9' {
			end++
		}
		if end > i+1 {
			return number[:i] + number[end:]
		}
	}
	return number
}

func national(digits string) string {
	if len(digits) != 13 {
		return digits
	}
	switch digits[:2] {
	case "52", "54":
		return digits[:2] + digits[3:]
	case "55":
		if digits[2:4] < "31" || digits[5] < '7' {
			return digits
		}
		return digits[:4] + digits[5:]
	}
	return digits
}

// variants are the ways in which a number may be known to WhatsApp: as it is,
// and with or without the digit that its country has added.
func variants(digits string) []string {
	if len(digits) < 12 || len(digits) > 13 {
		return []string{digits}
	}
	head, rest := digits[:2], digits[2:]
	switch {
	case head == "55" && len(digits) == 12:
		return []string{digits, head + rest[:2] + "9" + rest[2:]}
	case head == "55" && rest[2] == '9':
		return []string{digits, head + rest[:2] + rest[3:]}
	case head == "52" && len(digits) == 12:
		return []string{digits, head + "1" + rest}
	case head == "52" && rest[0] == '1', head == "54" && len(digits) == 13 && rest[0] == '9':
		return []string{digits, head + rest[1:]}
	case head == "54" && len(digits) == 12:
		return []string{digits, head + "9" + rest}
	}
	return []string{digits}
}

// Account cuts the device off a JID.
func Account(jid string) string {
	user, server, ok := strings.Cut(jid, "@")
	if !ok {
		return jid
	}
	user, _, _ = strings.Cut(user, ":")
	return user + "@" + server
}
