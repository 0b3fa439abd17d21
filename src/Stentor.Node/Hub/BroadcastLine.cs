using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Node;

/// <summary>
/// An entry as clients of the Activity Streamer protocol take it: <c>{"command":"ACTIVITY_BROADCAST","activity":{…}}</c> and a line feed. The activity says
/// in <c>authenticated_user</c> who published it. Made on the sequencer's thread, so nothing in a checked entry makes it throw.
/// </summary>
public static class BroadcastLine
{
    private static ReadOnlySpan<byte> Start => "{\"command\":\"ACTIVITY_BROADCAST\",\"activity\":"u8;

    private static ReadOnlySpan<byte> End => "}\n"u8;

    private static ReadOnlySpan<byte> UserField => "authenticated_user"u8;

    /// <summary>Whether an entry has an activity: one without has no line.</summary>
    /// <param name="entry">The entry's bytes.</param>
    public static bool HasActivity(ReadOnlySpan<byte> entry) => !ActivityOf(entry, out _).IsEmpty;

    /// <summary>Writes an entry's line.</summary>
    /// <param name="entry">The entry's bytes; with an activity.</param>
    /// <param name="destination">At least as many bytes as the entry has.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Write(ReadOnlySpan<byte> entry, Span<byte> destination)
    {
        var activity = ActivityOf(entry, out var author);
        Debug.Assert(!activity.IsEmpty, "an entry without an activity has no line");
        var length = WireForms.Put(Start, destination, 0);
        length += WriteActivity(activity, author, destination[length..]);
        length = WireForms.Put(End, destination, length);

        // Around activity and author an entry has at least 147 bytes (names of one letter, numbers of one digit); a line has 45, and 24 for the field.
        Debug.Assert(length <= entry.Length, $"a line of {length} bytes for an entry of {entry.Length}");
        return length;
    }

    /// <summary>The activity in a line.</summary>
    /// <param name="line">What <see cref="Write"/> has written.</param>
    public static ReadOnlySpan<byte> ActivityOf(ReadOnlySpan<byte> line) => line[Start.Length..^End.Length];

    /// <summary>An activity that says in <c>authenticated_user</c> who published it, whatever it said before.</summary>
    /// <param name="activity">A JSON object, checked.</param>
    /// <param name="username">Who.</param>
    public static byte[] WithUser(ReadOnlySpan<byte> activity, string username)
    {
        // The field and its punctuation: 24 bytes.
        var buffer = new byte[activity.Length + username.Length + 24];
        return buffer[..WriteActivity(activity, Encoding.ASCII.GetBytes(username), buffer)];
    }

    private static ReadOnlySpan<byte> ActivityOf(ReadOnlySpan<byte> entry, out ReadOnlySpan<byte> author)
    {
        if (!EntryHeader.TryRead(entry, out var header) || !EntryBody.TryRead(entry, header, out var body))
        {
            throw new UnreachableException("An entry in the ledger is in canonical form.");
        }

        author = header.Author;
        return body.Activity;
    }

    private static int WriteActivity(ReadOnlySpan<byte> activity, ReadOnlySpan<byte> author, Span<byte> destination)
    {
        if (Ascii.Equals(author, Accounts.ForeignServer))
        {
            return WireForms.Put(activity, destination, 0);
        }

        var (isSaid, isContradicted) = (false, false);
        var length = WireForms.Put("{"u8, destination, 0);
        var reader = new Utf8JsonReader(activity, JsonRules.Options(int.MaxValue)); // How deep it may be was decided when it came in.
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = (int)reader.TokenStartIndex;
            var isUser = Says(reader.ValueSpan, UserField);
            reader.Read();
            if (isUser)
            {
                var isAuthor = reader.TokenType == JsonTokenType.String && Says(reader.ValueSpan, author);
                isSaid |= isAuthor;
                isContradicted |= !isAuthor;
            }

            reader.Skip();
            if (!isUser)
            {
                length = WireForms.Put(length > 1 ? ","u8 : default, destination, length);
                length = WireForms.Put(activity[start..(int)reader.BytesConsumed], destination, length);
            }
        }

        if (isSaid && !isContradicted)
        {
            return WireForms.Put(activity, destination, 0);
        }

        // A username has nothing in it that JSON escapes.
        length = WireForms.Put(length > 1 ? ",\""u8 : "\""u8, destination, length);
        length = WireForms.Put(UserField, destination, length);
        length = WireForms.Put("\":\""u8, destination, length);
        length = WireForms.Put(author, destination, length);
        return WireForms.Put("\"}"u8, destination, length);
    }

    /// <summary>
    /// Whether the inside of a JSON string says a name, whatever of it is escaped. <see cref="Utf8JsonReader.ValueTextEquals(ReadOnlySpan{byte})"/> throws at
    /// half a surrogate pair, which an entry of another region may hold: only its grammar is checked here.
    /// </summary>
    /// <param name="text">The string without its quotes.</param>
    /// <param name="name">Letters, digits and <c>_ - .</c>: in JSON each stands for itself or as <c>\u00</c> and two digits.</param>
    private static bool Says(ReadOnlySpan<byte> text, ReadOnlySpan<byte> name)
    {
        foreach (var letter in name)
        {
            if (text.IsEmpty)
            {
                return false;
            }

            var length = 1;
            var found = text[0];
            if (text.StartsWith("\\u00"u8))
            {
                length = "\\u0000".Length;
                if (!byte.TryParse(text[4..length], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out found))
                {
                    return false;
                }
            }

            if (found != letter)
            {
                return false;
            }

            text = text[length..];
        }

        return text.IsEmpty;
    }
}
