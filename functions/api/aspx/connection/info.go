package connection

// Info has the keys of WhatsApp Web before it knew several devices.
// What only a phone could say is empty.
type Info struct {
	LG           string `json:"lg"`
	LC           string `json:"lc"`
	Phone        Phone  `json:"phone"`
	Battery      int    `json:"battery"`
	TOS          int    `json:"tos"`
	PushName     string `json:"pushname"`
	ProtoVersion [2]int `json:"protoVersion"`
	Plugged      bool   `json:"plugged"`
	Platform     string `json:"platform"`
	WID          string `json:"wid"`
	Connected    bool   `json:"connected"`
	IsResponse   string `json:"isResponse"` // "false": text, as the contract has it
	BinVersion   int    `json:"binVersion"`
	Locales      string `json:"locales"`
}

// Phone is what is known of a phone: nothing.
type Phone struct {
	DeviceModel        string `json:"device_model"`
	WAVersion          string `json:"wa_version"`
	MCC                string `json:"mcc"`
	OSVersion          string `json:"os_version"`
	OSBuildNumber      string `json:"os_build_number"`
	DeviceManufacturer string `json:"device_manufacturer"`
	MNC                string `json:"mnc"`
}

// InfoOf describes the connection of an account, a JID without device.
// 0.17 and 10 are the versions of the protocol that the keys come from.
func InfoOf(account, pushName string, connected bool) *Info {
	return &Info{
		LG: "en", LC: "US", Phone: Phone{OSBuildNumber: "undefined"}, PushName: pushName, ProtoVersion: [2]int{0, 17},
		WID: account, Connected: connected, IsResponse: "false", BinVersion: 10, Locales: "en-US,en",
	}
}
