using System.Globalization;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Gateways;

/// <summary>
/// A message of the Activity Streamer protocol as it was received, checked: every field that its command requires is there and of the right type. A tolerant
/// reader: order, white space, escapes and unknown fields do not matter, <c>null</c> is as good as absent, whole numbers may come as strings of digits.
/// </summary>
public sealed record StreamerMessage
{
    /// <summary>
    /// Longest username, secret or other text that is kept, in characters: longer than any that a name or secret may have, and so short that what is told to other nodes
    /// of it, each letter escaped, fits into a notice.
    /// </summary>
    public const int TextLengthMax = 2048;

    /// <summary>The greatest number of clients that is believed. 10 million: more than ports and memory of any one machine.</summary>
    public const int LoadMax = 10_000_000;

    /// <summary>Longest id of a server, in characters.</summary>
    public const int IdLengthMax = 256;

    // Deeper than any activity that anybody writes; a line has its own bound.
    private const int BroadcastDepthMax = 1_000;

    // The longest that a name in DNS can be.
    private const int HostnameLengthMax = 253;

    private StreamerMessage(string command) => Command = command;

    /// <summary>What it is; one of <see cref="StreamerCommands"/>, or a word that nobody knows.</summary>
    public string Command { get; }

    /// <summary>Whose it is about; empty where the command has none.</summary>
    public string Username { get; private set; } = "";

    /// <summary>The secret; empty where there is none.</summary>
    public string Secret { get; private set; } = "";

    /// <summary>A reason for people; empty for none.</summary>
    public string Info { get; private set; } = "";

    /// <summary>The id of the server that announces itself, or, in a lock's answer, of the server that answers; empty for none.</summary>
    public string Id { get; private set; } = "";

    /// <summary>Clients logged in at the announced server.</summary>
    public int Load { get; private set; }

    /// <summary>Where a server is reached; empty where the command has none.</summary>
    public string Hostname { get; private set; } = "";

    /// <summary>The port there.</summary>
    public int Port { get; private set; }

    /// <summary>The activity object, checked; a part of the line that was read. Empty where the command has none.</summary>
    public ReadOnlyMemory<byte> Activity { get; private set; }

    /// <summary>Between our own nodes: which of the sender's peers it came from; 0 for the sender itself.</summary>
    internal int Peer { get; private set; }

    /// <summary>Between our own nodes: how many clients ever logged in at the announced server since it started.</summary>
    internal int Logins { get; private set; }

    /// <summary>Reads a message.</summary>
    /// <param name="line">One line without its line feed; the activity stays a part of it.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <exception cref="ProtocolException">It is no message, or not a right one; the detail says what is wrong.</exception>
    public static StreamerMessage Parse(ReadOnlyMemory<byte> line, Limits limits)
    {
        if (line.Span.Trim(" \t\r"u8).IsEmpty)
        {
            throw Malformed("the received message is empty: one JSON object on each line");
        }

        // One level more than an activity may have: the message around it.
        return JsonRules.Read(line.Span, limits.DepthMax, 1, (ref reader, text) =>
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Malformed("the received message is not a JSON object");
            }

            return new Fields(line, limits).Read(ref reader, text);
        });
    }

    /// <summary>Whether a line that <see cref="Parse"/> refuses is the broadcast of an activity all the same: good JSON, but not what an entry may hold.</summary>
    /// <param name="line">One line without its line feed.</param>
    internal static bool IsBroadcast(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line, JsonRules.Options(BroadcastDepthMax));
        var (isBroadcast, hasActivity) = (false, false);
        try
        {
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isCommand = reader.ValueTextEquals("command"u8);
                var isActivity = reader.ValueTextEquals("activity"u8);
                reader.Read();
                isBroadcast |= isCommand && reader.TokenType == JsonTokenType.String && reader.ValueTextEquals(StreamerCommands.ActivityBroadcast);
                hasActivity |= isActivity && reader.TokenType == JsonTokenType.StartObject;
                reader.Skip();
            }

            return isBroadcast && hasActivity && reader.TokenType == JsonTokenType.EndObject && !reader.Read();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false; // It is no JSON at all.
        }
    }

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);

    /// <summary>Gathers the fields, then checks those that the command needs; what it does not need may be anything.</summary>
    private ref struct Fields(ReadOnlyMemory<byte> line, Limits limits)
    {
        // The longest key that is known, each letter of it escaped.
        private const int NameBytesMax = 8 * 6;

        private Value _command;
        private Value _username;
        private Value _secret;
        private Value _info;
        private Value _id;
        private Value _server;
        private Value _load;
        private Value _hostname;
        private Value _port;
        private Value _peer;
        private Value _logins;
        private Range? _activity;
        private bool _hasOtherActivity;

        public StreamerMessage Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
        {
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                ReadField(ref reader, text);
            }

            var command = Text(_command, "command", "the received message did not contain a command");
            var message = new StreamerMessage(command);
            switch (command)
            {
                case StreamerCommands.Authenticate:
                    message.Secret = Text(_secret, "secret");
                    break;
                case StreamerCommands.Login:
                    message.Username = Text(_username, "username");
                    message.Secret = message.Username == Protocol.Username.Anonymous ? "" : Text(_secret, "secret");
                    break;
                case StreamerCommands.Register:
                    message.Username = Text(_username, "username");
                    NotEmpty(message.Username, "username");
                    if (message.Username != Protocol.Username.Anonymous)
                    {
                        message.Secret = Text(_secret, "secret");
                        NotEmpty(message.Secret, "secret");
                    }

                    break;
                case StreamerCommands.LockRequest:
                    message.Username = Text(_username, "username");
                    message.Secret = Text(_secret, "secret");
                    break;
                case StreamerCommands.LockAllowed or StreamerCommands.LockDenied:
                    message.Username = Text(_username, "username");
                    message.Secret = Text(_secret, "secret");
                    message.Id = _server is { Type: JsonTokenType.String, Text.Length: <= IdLengthMax } ? _server.Text : ""; // Some programs send it, the document does not know it.
                    break;
                case StreamerCommands.ActivityMessage:
                    message.Username = Text(_username, "username");
                    message.Secret = message.Username == Protocol.Username.Anonymous ? "" : Text(_secret, "secret");
                    message.Activity = Activity();
                    break;
                case StreamerCommands.ActivityBroadcast:
                    message.Activity = Activity();
                    break;
                case StreamerCommands.ServerAnnounce:
                    message.Id = Text(_id, "id");
                    NotEmpty(message.Id, "id");
                    message.Load = Number(_load, "load", 0, LoadMax);
                    ReadAddress(message);
                    break;
                case StreamerCommands.Redirect:
                    ReadAddress(message);
                    break;
                case StreamerNotices.ServerGone:
                    message.Id = Text(_id, "id");
                    break;
                case StreamerNotices.ServerExpects:
                    message.Id = Text(_id, "id");
                    message.Load = Number(_load, "load", 0, LoadMax);
                    break;
                default:
                    break;
            }

            message.Info = _info is { Type: JsonTokenType.String, Text.Length: <= TextLengthMax } ? _info.Text : "";
            message.Peer = Ours(_peer);
            message.Logins = Ours(_logins);
            return message;
        }

        private void ReadField(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
        {
            if (reader.ValueTextEquals("activity"u8))
            {
                reader.Read();
                _activity = null;
                _hasOtherActivity = reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.Null);
                if (reader.TokenType == JsonTokenType.StartObject)
                {
                    _activity = JsonRules.Walk(ref reader, text, limits.DepthMax);
                }
                else
                {
                    reader.Skip();
                }

                return;
            }

            switch (NameOf(ref reader))
            {
                case "command":
                    _command = Value.Of(ref reader);
                    break;
                case "username":
                    _username = Value.Of(ref reader);
                    break;
                case "secret":
                    _secret = Value.Of(ref reader);
                    break;
                case "info":
                    _info = Value.Of(ref reader);
                    break;
                case "id":
                    _id = Value.Of(ref reader);
                    break;
                case "server":
                    _server = Value.Of(ref reader);
                    break;
                case "load":
                    _load = Value.Of(ref reader);
                    break;
                case "hostname":
                    _hostname = Value.Of(ref reader);
                    break;
                case "port":
                    _port = Value.Of(ref reader);
                    break;
                case "peer":
                    _peer = Value.Of(ref reader);
                    break;
                case "logins":
                    _logins = Value.Of(ref reader);
                    break;
                default:
                    reader.Read();
                    reader.Skip();
                    break;
            }
        }

        /// <summary>The key that the reader stands on, if it is short enough to be one that is known.</summary>
        private static string NameOf(ref Utf8JsonReader reader) => reader.ValueSpan.Length > NameBytesMax ? "" : JsonRules.Text(ref reader);

        private readonly void ReadAddress(StreamerMessage message)
        {
            // Java writes the address behind a name that may be empty: "/10.0.0.1".
            var hostname = Text(_hostname, "hostname");
            message.Hostname = hostname[(hostname.LastIndexOf('/') + 1)..];
            message.Port = Number(_port, "port", 1, ushort.MaxValue);
            if (message.Hostname.Length is 0 or > HostnameLengthMax || message.Hostname.Any(c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_' or ':' or '[' or ']' or '%')))
            {
                throw Malformed("`hostname` must be a host's name or address");
            }
        }

        private readonly ReadOnlyMemory<byte> Activity()
        {
            if (_activity is not { } range)
            {
                throw Malformed(_hasOtherActivity ? "`activity` must be an object" : "the received message did not contain `activity`");
            }

            var activity = line[range];
            return activity.Length > limits.ActivityBytesMax
                ? throw Malformed($"the activity has {activity.Length} bytes; the most is {limits.ActivityBytesMax} (limit activity-bytes-max)")
                : activity;
        }

        private static void NotEmpty(string text, string name)
        {
            if (text.Length == 0)
            {
                throw Malformed($"`{name}` must not be empty");
            }
        }

        private static string Text(in Value value, string name, string? missing = null)
        {
            if (value.Type is JsonTokenType.None or JsonTokenType.Null)
            {
                throw Malformed(missing ?? $"the received message did not contain `{name}`");
            }

            if (value.Type != JsonTokenType.String)
            {
                throw Malformed($"`{name}` must be a string");
            }

            return value.Text is { Length: <= TextLengthMax } text
                && (name != "id" || text.Length <= IdLengthMax)
                ? text
                : throw Malformed($"`{name}` is too long");
        }

        // Others may mean something else by it.
        private static int Ours(in Value value) => int.TryParse(value.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

        private static int Number(in Value value, string name, int least, int most)
        {
            if (value.Type is JsonTokenType.None or JsonTokenType.Null)
            {
                throw Malformed($"the received message did not contain `{name}`");
            }

            // Some programs know no whole numbers and write 5.0; a string has digits only.
            var styles = value.Type == JsonTokenType.Number ? NumberStyles.Float : NumberStyles.None;
            var isNumber = decimal.TryParse(value.Text, styles, CultureInfo.InvariantCulture, out var number) && decimal.IsInteger(number) && value.Type is JsonTokenType.Number or JsonTokenType.String;
            return isNumber && number >= least && number <= most
                ? (int)number
                : throw Malformed($"`{name}` must be a whole number from {least} to {most}");
        }
    }

    /// <summary>A value as it came: its type, and its text where it is a string or a number.</summary>
    private readonly record struct Value(JsonTokenType Type, string? Text)
    {
        // Escapes make six characters of one; what is longer than that can only be too long.
        private const int BytesMax = TextLengthMax * 6;

        /// <summary>Reads the value behind the key that the reader stands on; afterwards it stands on the value's last token.</summary>
        public static Value Of(ref Utf8JsonReader reader)
        {
            reader.Read();
            switch (reader.TokenType)
            {
                case JsonTokenType.String:
                    return new Value(JsonTokenType.String, reader.ValueSpan.Length > BytesMax ? null : JsonRules.Text(ref reader));
                case JsonTokenType.Number:
                    return new Value(JsonTokenType.Number, reader.ValueSpan.Length > 20 ? null : System.Text.Encoding.ASCII.GetString(reader.ValueSpan));
                case var other:
                    reader.Skip();
                    return new Value(other, null);
            }
        }
    }
}
