using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>What a client's frame asks for.</summary>
internal enum ClientOp
{
    /// <summary>Not said yet.</summary>
    None,

    /// <summary>Say who one is.</summary>
    Login,

    /// <summary>Take entries of channels.</summary>
    Subscribe,

    /// <summary>Take them no more.</summary>
    Unsubscribe,

    /// <summary>Record an activity or an effect.</summary>
    Publish,

    /// <summary>Move an inbox's cursor.</summary>
    Ack,

    /// <summary>Ask for a sign of life.</summary>
    Ping,

    /// <summary>Give one.</summary>
    Pong,
}

/// <summary>A frame from a client, read in one pass over its bytes. Which keys go with which operation is checked at the end, since keys come in any order.</summary>
internal ref struct ClientFrame
{
    private const string Ops = "login, subscribe, unsubscribe, publish, ack, ping and pong";

    private Keys _keys;
    private PublishBodyBuilder _body;

    private ClientFrame(ReadOnlyMemory<byte> json, Limits limits) => _body = new PublishBodyBuilder(json, limits);

    /// <summary>The operation.</summary>
    public ClientOp Op { get; private set; }

    /// <summary>What comes back with the answer: a JSON number or string as it stands; empty for none.</summary>
    public ReadOnlyMemory<byte> Ref { get; private set; }

    /// <summary>A publish's channel: the bytes of a valid name.</summary>
    public ReadOnlySpan<byte> Channel { get; private set; }

    /// <summary>Channels and patterns; null when the key is missing.</summary>
    public List<ChannelPattern>? Channels { get; private set; }

    /// <summary>A token, <c>now</c> or <c>start</c>; null when the key is missing.</summary>
    public string? After { get; private set; }

    /// <summary>An inbox's name, or null.</summary>
    public string? Inbox { get; private set; }

    /// <summary>A username, or null.</summary>
    public string? Username { get; private set; }

    /// <summary>A secret, or null.</summary>
    public string? Secret { get; private set; }

    /// <summary>A session's token, or null.</summary>
    public string? Token { get; private set; }

    /// <summary>A seen token, or null.</summary>
    public string? Seen { get; private set; }

    [Flags]
    private enum Keys
    {
        None = 0,
        Op = 1,
        Ref = 2,
        Channel = 4,
        Channels = 8,
        After = 16,
        Inbox = 32,
        Username = 64,
        Secret = 128,
        Token = 256,
        Seen = 512,
        Body = 1024,
    }

    /// <summary>Reads a frame.</summary>
    /// <param name="json">The frame; the result keeps parts of it.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <exception cref="ProtocolException">It is malformed or over a limit.</exception>
    public static ClientFrame Parse(ReadOnlyMemory<byte> json, Limits limits)
    {
        if (!System.Text.Unicode.Utf8.IsValid(json.Span))
        {
            throw Malformed("The frame is not well-formed UTF-8.");
        }

        var frame = new ClientFrame(json, limits);
        var depthMax = limits.DepthMax + PublishBody.DepthAround;
        var reader = new Utf8JsonReader(json.Span, JsonRules.Options(depthMax));
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                throw Malformed("A frame must be a JSON object on one line.");
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                frame.ReadKey(ref reader, json, limits);
            }

            if (reader.Read())
            {
                throw Malformed($"There is more after the frame's object, at byte {reader.TokenStartIndex}. Put a line feed between frames.");
            }
        }
        catch (JsonException e)
        {
            // The reader knows no type for it: its depth tells.
            throw reader.CurrentDepth >= depthMax
                ? JsonRules.TooDeep(limits.DepthMax)
                : Malformed($"The frame is not JSON: {Printable.Cut(e.Message, 200)}");
        }

        frame.CheckKeys();
        return frame;
    }

    /// <summary>Looks for the <c>ref</c> of a frame that could not be read: as far as it is JSON, its answer names it.</summary>
    /// <param name="json">The frame.</param>
    public static ReadOnlyMemory<byte> FindRef(ReadOnlyMemory<byte> json)
    {
        var reader = new Utf8JsonReader(json.Span, JsonRules.Options(1024));
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isRef = reader.ValueTextEquals("ref"u8);
                reader.Read();
                if (isRef && reader.TokenType is JsonTokenType.Number or JsonTokenType.String)
                {
                    var value = json[(int)reader.TokenStartIndex..(int)reader.BytesConsumed];
                    return value.Length <= RefBytesMax && System.Text.Unicode.Utf8.IsValid(value.Span) ? value : default;
                }

                reader.Skip();
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // It ends here; there was no ref before.
        }

        return default;
    }

    /// <summary>Longest <c>ref</c>, in bytes. 64: room for a UUID in quotes, and no way to make answers large.</summary>
    public const int RefBytesMax = 64;

    /// <summary>What is published.</summary>
    /// <exception cref="ProtocolException">Neither an activity nor an effect was given, or the token is none.</exception>
    public readonly PublishBody Body() => After is null ? _body.Build() : _body.Build() with { After = SeenToken.Decode(After) };

    private void ReadKey(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json, Limits limits)
    {
        if (reader.ValueTextEquals("op"u8))
        {
            Once(Keys.Op, "op");
            reader.Read();
            Op = OpOf(ref reader);
        }
        else if (reader.ValueTextEquals("ref"u8))
        {
            Once(Keys.Ref, "ref");
            reader.Read();
            Ref = RefOf(ref reader, json);
        }
        else if (reader.ValueTextEquals("channel"u8))
        {
            Once(Keys.Channel, "channel");
            reader.Read();
            var isName = reader.TokenType == JsonTokenType.String && !reader.ValueIsEscaped && ChannelName.IsValid(reader.ValueSpan);
            Channel = isName ? reader.ValueSpan : throw Malformed("`channel` must be a channel: 1 to 16 tokens of A-Z a-z 0-9 _ - joined by dots, at most 255 characters.");
        }
        else if (reader.ValueTextEquals("channels"u8))
        {
            Once(Keys.Channels, "channels");
            reader.Read();
            Channels = ChannelsOf(ref reader, limits);
        }
        else if (reader.ValueTextEquals("after"u8))
        {
            // Not left to the body: in a subscription it has other values.
            Once(Keys.After, "after");
            After = TextOf(ref reader, "after", SeenToken.LengthMax);
        }
        else if (reader.ValueTextEquals("inbox"u8))
        {
            Once(Keys.Inbox, "inbox");
            Inbox = TextOf(ref reader, "inbox", ChannelName.LengthMax);
        }
        else if (reader.ValueTextEquals("username"u8))
        {
            Once(Keys.Username, "username");
            Username = TextOf(ref reader, "username", Protocol.Username.LengthMax);
        }
        else if (reader.ValueTextEquals("secret"u8))
        {
            Once(Keys.Secret, "secret");
            Secret = TextOf(ref reader, "secret", Node.Accounts.SecretBytesMax);
        }
        else if (reader.ValueTextEquals("token"u8))
        {
            Once(Keys.Token, "token");
            Token = TextOf(ref reader, "token", SeenToken.LengthMax);
        }
        else if (reader.ValueTextEquals("seen"u8))
        {
            Once(Keys.Seen, "seen");
            Seen = TextOf(ref reader, "seen", SeenToken.LengthMax);
        }
        else if (_body.TryRead(ref reader, json.Span))
        {
            _keys |= Keys.Body;
        }
        else
        {
            throw Malformed($"No frame has the key '{Printable.Cut(JsonRules.Text(ref reader))}'.");
        }
    }

    private readonly void CheckKeys()
    {
        var (required, allowed) = Op switch
        {
            ClientOp.Publish => (Keys.Channel, Keys.Channel | Keys.After | Keys.Body),
            ClientOp.Subscribe => (Keys.None, Keys.Channels | Keys.After | Keys.Inbox),
            ClientOp.Unsubscribe => (Keys.Channels, Keys.Channels),
            ClientOp.Ack => (Keys.Inbox | Keys.Seen, Keys.Inbox | Keys.Seen),
            ClientOp.Login => (Keys.None, Keys.Username | Keys.Secret | Keys.Token),
            ClientOp.Ping or ClientOp.Pong => (Keys.None, Keys.None),
            _ => throw Malformed($"A frame needs `op`, one of {Ops}."),
        };
        if ((_keys & required) != required)
        {
            throw Malformed($"`{NameOf(Op)}` needs {Names(required)}.");
        }

        var others = _keys & ~(allowed | Keys.Op | Keys.Ref);
        if (others != Keys.None)
        {
            throw Malformed($"`{NameOf(Op)}` does not take {Names(others)}.");
        }

        if (Op == ClientOp.Login && (_keys & (Keys.Username | Keys.Secret | Keys.Token)) is not (Keys.Token or (Keys.Username | Keys.Secret)))
        {
            throw Malformed("`login` needs `username` and `secret`, or `token`.");
        }

        if (Op == ClientOp.Subscribe && (_keys & (Keys.Channels | Keys.Inbox)) == Keys.None)
        {
            throw Malformed("`subscribe` needs `channels`, or an `inbox`.");
        }
    }

    private static string NameOf(ClientOp op) => op.ToString().ToLowerInvariant();

    private static string Names(Keys keys) =>
        string.Join(" and ", Enum.GetValues<Keys>().Where(k => k != Keys.None && keys.HasFlag(k)).Select(k => k == Keys.Body ? "the fields of a publish" : $"`{k.ToString().ToLowerInvariant()}`"));

    private static ClientOp OpOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            throw Malformed($"`op` must be one of {Ops}.");
        }

        return reader.ValueTextEquals("publish"u8) ? ClientOp.Publish
            : reader.ValueTextEquals("subscribe"u8) ? ClientOp.Subscribe
            : reader.ValueTextEquals("unsubscribe"u8) ? ClientOp.Unsubscribe
            : reader.ValueTextEquals("ack"u8) ? ClientOp.Ack
            : reader.ValueTextEquals("ping"u8) ? ClientOp.Ping
            : reader.ValueTextEquals("pong"u8) ? ClientOp.Pong
            : reader.ValueTextEquals("login"u8) ? ClientOp.Login
            : throw Malformed($"There is no op '{Printable.Cut(JsonRules.Text(ref reader))}'; there are {Ops}.");
    }

    private static ReadOnlyMemory<byte> RefOf(ref Utf8JsonReader reader, ReadOnlyMemory<byte> json)
    {
        var value = json[(int)reader.TokenStartIndex..(int)reader.BytesConsumed];
        return reader.TokenType is JsonTokenType.Number or JsonTokenType.String && value.Length <= RefBytesMax
            ? value
            : throw Malformed($"`ref` must be a number or a string of at most {RefBytesMax} bytes.");
    }

    private static List<ChannelPattern> ChannelsOf(ref Utf8JsonReader reader, Limits limits)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            throw Malformed("`channels` must be an array of channels and patterns.");
        }

        var channels = new List<ChannelPattern>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.String)
            {
                throw Malformed("`channels` must be an array of channels and patterns.");
            }

            if (channels.Count == limits.ChannelsPerRequestMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"`channels` has more than {limits.ChannelsPerRequestMax} (limit channels-per-request-max). Send several requests.");
            }

            channels.Add(ChannelPattern.Parse(JsonRules.Text(ref reader)));
        }

        return channels.Count > 0 ? channels : throw Malformed("`channels` is empty; name at least one.");
    }

    private static string TextOf(ref Utf8JsonReader reader, string key, int lengthMax)
    {
        reader.Read();
        return reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length <= lengthMax * 6 && JsonRules.Text(ref reader) is { } text && text.Length <= lengthMax
            ? text
            : throw Malformed($"`{key}` must be a string of at most {lengthMax} characters.");
    }

    private void Once(Keys key, string name)
    {
        if ((_keys & key) != Keys.None)
        {
            throw Malformed($"The key '{name}' stands twice in one frame; each key may stand once.");
        }

        _keys |= key;
    }

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
