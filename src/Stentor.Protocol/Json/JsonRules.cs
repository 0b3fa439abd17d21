using System.Buffers;
using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>
/// What JSON from outside must keep to, beyond the grammar: well-formed UTF-8, no key twice in one object, no NUL and no lone
/// surrogate in a string, no number that a double cannot hold, no deeper than the limit. One walk over the bytes, nothing built.
/// </summary>
public static class JsonRules
{
    private const int NamesOnStack = 16;
    private static readonly SearchValues<byte> SpacesAndQuote = SearchValues.Create(" \t\r\n\""u8);

    /// <summary>Options of the reader for a text in which values may nest <paramref name="depthMax"/> deep.</summary>
    /// <param name="depthMax">Deepest nesting of containers.</param>
    public static JsonReaderOptions Options(int depthMax) => new() { MaxDepth = depthMax, CommentHandling = JsonCommentHandling.Disallow, AllowTrailingCommas = false };

    /// <summary>Runs <paramref name="read"/> and turns a fault of the grammar into a <see cref="ProtocolException"/> that says where it is.</summary>
    /// <typeparam name="T">What is read.</typeparam>
    /// <param name="json">The whole text.</param>
    /// <param name="depthMax">Deepest nesting of containers, as given in the message.</param>
    /// <param name="depthAround">How many containers stand around the values that <paramref name="depthMax"/> is about.</param>
    /// <param name="read">Reads from a reader that stands before the first token.</param>
    /// <exception cref="ProtocolException">The text breaks a rule.</exception>
    public static T Read<T>(ReadOnlySpan<byte> json, int depthMax, int depthAround, JsonReading<T> read)
    {
        if (!System.Text.Unicode.Utf8.IsValid(json))
        {
            throw new ProtocolException(ErrorType.Malformed, "The text is not well-formed UTF-8.");
        }

        var reader = new Utf8JsonReader(json, Options(depthMax + depthAround));
        try
        {
            if (!reader.Read())
            {
                throw new ProtocolException(ErrorType.Malformed, "There is no JSON where an object was expected.");
            }

            var result = read(ref reader, json);
            if (reader.Read())
            {
                throw new ProtocolException(ErrorType.Malformed, $"There is more after the JSON value, at byte {reader.TokenStartIndex}.");
            }

            return result;
        }
        catch (InvalidOperationException) when (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.String && reader.ValueIsEscaped)
        {
            // Comparing or decoding an escaped text is where the reader finds half a surrogate pair.
            throw HalfSurrogate(reader.TokenStartIndex);
        }
        catch (JsonException e)
        {
            throw IsDeeperThan(json, depthMax + depthAround)
                ? TooDeep(depthMax)
                : new ProtocolException(ErrorType.Malformed, $"This is not JSON: {Printable.Cut(e.Message, 200)}");
        }
    }

    /// <summary>Walks over the value that <paramref name="reader"/> stands on and checks the rules; afterwards it stands on the value's last token.</summary>
    /// <param name="reader">Stands on the value's first token.</param>
    /// <param name="json">The whole text that is read.</param>
    /// <param name="depthMax">Deepest nesting of containers in the value, itself included: 1 for a flat object. The reader's own limit holds besides.</param>
    /// <returns>The value's bytes, a part of <paramref name="json"/>.</returns>
    /// <exception cref="ProtocolException">A rule is broken.</exception>
    /// <exception cref="JsonException">The grammar is broken.</exception>
    public static Range Walk(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, int depthMax = int.MaxValue)
    {
        var start = (int)reader.TokenStartIndex;
        WalkValue(ref reader, json, 1, depthMax);
        return start..(int)reader.BytesConsumed;
    }

    /// <summary>Copies a checked value without the white space between its tokens, so that it stands on one line.</summary>
    /// <param name="value">One JSON value that passed <see cref="Walk"/>.</param>
    /// <param name="writer">Where it goes.</param>
    public static void WriteCompact(ReadOnlySpan<byte> value, IBufferWriter<byte> writer)
    {
        var target = writer.GetSpan(value.Length);
        if (!value.ContainsAny(" \t\r\n"u8))
        {
            value.CopyTo(target);
            writer.Advance(value.Length);
            return;
        }

        var written = 0;
        var start = 0;
        var at = 0;
        while (value[at..].IndexOfAny(SpacesAndQuote) is var next and >= 0)
        {
            at += next;
            if (value[at] == (byte)'"')
            {
                var length = TextLength(value[at..]);
                Debug.Assert(length > 0, "a checked value's strings end");
                at += Math.Max(length, 1);
                continue;
            }

            value[start..at].CopyTo(target[written..]);
            written += at - start;
            start = ++at;
        }

        value[start..].CopyTo(target[written..]);
        writer.Advance(written + value.Length - start);
    }

    /// <summary>How long the JSON string is that <paramref name="text"/> starts with, quotes included; 0 when it does not end.</summary>
    /// <param name="text">Starts with a quote.</param>
    internal static int TextLength(ReadOnlySpan<byte> text)
    {
        var at = 1;
        while (at < text.Length && text[at..].IndexOfAny((byte)'"', (byte)'\\') is var next and >= 0)
        {
            at += next;
            if (text[at] == (byte)'"')
            {
                return at + 1;
            }

            at += 2; // Whatever is escaped.
        }

        return 0;
    }

    /// <summary>The text of the string or property name that <paramref name="reader"/> stands on, checked.</summary>
    /// <param name="reader">Stands on a string or property name.</param>
    /// <exception cref="ProtocolException">It holds NUL or a lone surrogate.</exception>
    public static string Text(ref Utf8JsonReader reader)
    {
        CheckText(ref reader);
        return reader.GetString()!;
    }

    /// <summary>The refusal of what nests too deep.</summary>
    /// <param name="depthMax">The limit.</param>
    public static ProtocolException TooDeep(int depthMax) =>
        new(ErrorType.Malformed, $"The JSON nests deeper than {depthMax} levels (limit depth-max). Flatten it.");

    private static bool IsDeeperThan(ReadOnlySpan<byte> json, int depthMax)
    {
        // Without a limit of its own the reader tells what the depth was where it failed. It does not recurse.
        var reader = new Utf8JsonReader(json, Options(int.MaxValue));
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray && reader.CurrentDepth >= depthMax)
                {
                    return true;
                }
            }
        }
        catch (JsonException)
        {
            // The grammar is broken before it gets too deep.
        }

        return false;
    }

    private static void WalkValue(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, int depth, int depthMax)
    {
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                WalkObject(ref reader, json, depth, depthMax);
                break;
            case JsonTokenType.StartArray:
                if (depth > depthMax)
                {
                    throw TooDeep(depthMax);
                }

                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    WalkValue(ref reader, json, depth + 1, depthMax);
                }

                break;
            case JsonTokenType.String:
                CheckText(ref reader);
                break;
            case JsonTokenType.Number:
                CheckNumber(ref reader);
                break;
            default:
                break;
        }
    }

    private static void WalkObject(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, int depth, int depthMax)
    {
        if (depth > depthMax)
        {
            throw TooDeep(depthMax);
        }

        Span<int> starts = stackalloc int[NamesOnStack];
        Span<int> lengths = stackalloc int[NamesOnStack];
        HashSet<string>? names = null;
        var count = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            // Names in plain bytes are compared where they stand; escapes, or many names, go through strings.
            if (names is null && !reader.ValueIsEscaped && count < NamesOnStack)
            {
                var start = (int)reader.TokenStartIndex + 1;
                var name = reader.ValueSpan;
                for (var i = 0; i < count; i++)
                {
                    if (lengths[i] == name.Length && json.Slice(starts[i], name.Length).SequenceEqual(name))
                    {
                        throw Twice(reader.GetString()!);
                    }
                }

                starts[count] = start;
                lengths[count++] = name.Length;
            }
            else
            {
                if (names is null)
                {
                    names = [];
                    for (var i = 0; i < count; i++)
                    {
                        names.Add(Encoding.UTF8.GetString(json.Slice(starts[i], lengths[i])));
                    }
                }

                var name = Text(ref reader);
                if (!names.Add(name))
                {
                    throw Twice(name);
                }
            }

            reader.Read();
            WalkValue(ref reader, json, depth + 1, depthMax);
        }
    }

    private static void CheckText(ref Utf8JsonReader reader)
    {
        if (!reader.ValueIsEscaped)
        {
            return; // Raw control characters are refused by the grammar, and the UTF-8 was checked.
        }

        string text;
        try
        {
            text = reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw HalfSurrogate(reader.TokenStartIndex);
        }

        if (text.Contains('\0', StringComparison.Ordinal))
        {
            throw new ProtocolException(ErrorType.Malformed, $"The string at byte {reader.TokenStartIndex} contains NUL (\\u0000), which is not accepted.");
        }
    }

    private static void CheckNumber(ref Utf8JsonReader reader)
    {
        // Short digits without exponent always fit; only the rest is worth a parse.
        if (reader.ValueSpan.Length > 15 || reader.ValueSpan.IndexOfAny((byte)'e', (byte)'E') >= 0)
        {
            if (!reader.TryGetDouble(out var number) || !double.IsFinite(number))
            {
                throw new ProtocolException(ErrorType.Malformed, $"The number at byte {reader.TokenStartIndex} is beyond what a double holds; send it as a string.");
            }
        }
    }

    private static ProtocolException HalfSurrogate(long at) =>
        new(ErrorType.Malformed, $"The string at byte {at} has half of a surrogate pair; a character needs both.");

    private static ProtocolException Twice(string name) =>
        new(ErrorType.Malformed, $"The key '{Printable.Cut(name)}' stands twice in one object; each key may stand once.");
}

/// <summary>Reads a value.</summary>
/// <typeparam name="T">What is read.</typeparam>
/// <param name="reader">Stands on the first token.</param>
/// <param name="json">The whole text.</param>
public delegate T JsonReading<out T>(ref Utf8JsonReader reader, ReadOnlySpan<byte> json);
