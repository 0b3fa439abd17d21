using System.Text;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>What a publish says, alike in an HTTP body, an NDJSON line and a frame.</summary>
/// <param name="Activity">The activity as its publisher wrote it, checked; empty for none. A part of the text that was read.</param>
/// <param name="Effect">The effect, or null.</param>
/// <param name="Exists">Condition: whether the channel must (true) or must not (false) have been published to; null for no condition.</param>
/// <param name="Version">Condition: the version that the channel must have; null for no condition.</param>
/// <param name="Id">The publish id, or null.</param>
/// <param name="After">What the author had seen, or null when the request does not say.</param>
/// <param name="Copies">How many regions must have it on disk before the answer; at least 1.</param>
public sealed record PublishBody(
    ReadOnlyMemory<byte> Activity,
    Effect? Effect = null,
    bool? Exists = null,
    long? Version = null,
    string? Id = null,
    VersionVector? After = null,
    int Copies = 1)
{
    /// <summary>Most containers around a value that <see cref="Limits.DepthMax"/> is about: body, effect and <c>set</c> around a field's value.</summary>
    public const int DepthAround = 3;

    /// <summary>Most copies that can be asked for.</summary>
    public const int CopiesMax = 64;

    /// <summary>Reads an HTTP body or an NDJSON line.</summary>
    /// <param name="json">The whole text; the result keeps parts of it.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <exception cref="ProtocolException">It is malformed or over a limit.</exception>
    public static PublishBody Parse(ReadOnlyMemory<byte> json, Limits limits) =>
        JsonRules.Read(json.Span, limits.DepthMax, DepthAround, (ref reader, text) =>
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw Malformed("A publish must be an object with `activity` or `effect`.");
            }

            var builder = new PublishBodyBuilder(json, limits);
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (!builder.TryRead(ref reader, text))
                {
                    throw Malformed($"A publish has the key '{Printable.Cut(JsonRules.Text(ref reader))}'; it takes activity, effect, if, id, after and copies.");
                }
            }

            return builder.Build();
        });

    internal static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}

/// <summary>Gathers the fields of a publish while its object is read.</summary>
/// <param name="json">The whole text; the result keeps parts of it.</param>
/// <param name="limits">The limits that apply.</param>
public ref struct PublishBodyBuilder(ReadOnlyMemory<byte> json, Limits limits)
{
    private ReadOnlyMemory<byte> _activity;
    private Effect? _effect;
    private bool? _exists;
    private long? _version;
    private string? _id;
    private VersionVector? _after;
    private int _copies = 1;
    private int _seen;

    /// <summary>Reads one field, if it is one of a publish.</summary>
    /// <param name="reader">Stands on a property name; afterwards on the last token of its value, or where it was.</param>
    /// <param name="text">The whole text.</param>
    /// <returns>False when the name is none of a publish.</returns>
    /// <exception cref="ProtocolException">The field is malformed, stands twice or is over a limit.</exception>
    public bool TryRead(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        if (reader.ValueTextEquals("activity"u8))
        {
            Once(1, "activity");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                throw PublishBody.Malformed("`activity` must be an object.");
            }

            _activity = json[JsonRules.Walk(ref reader, text, limits.DepthMax)];
            if (_activity.Length > limits.ActivityBytesMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"The activity has {_activity.Length} bytes; the most is {limits.ActivityBytesMax} (limit activity-bytes-max).");
            }
        }
        else if (reader.ValueTextEquals("effect"u8))
        {
            Once(2, "effect");
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            _effect = Effect.Read(ref reader, text, limits);
            if ((int)reader.BytesConsumed - start > limits.ActivityBytesMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"The effect has {(int)reader.BytesConsumed - start} bytes; the most is {limits.ActivityBytesMax} (limit activity-bytes-max).");
            }
        }
        else if (reader.ValueTextEquals("if"u8))
        {
            Once(4, "if");
            reader.Read();
            ReadCondition(ref reader);
        }
        else if (reader.ValueTextEquals("id"u8))
        {
            Once(8, "id");
            reader.Read();
            if (reader.TokenType != JsonTokenType.String || reader.ValueSpan.Length == 0)
            {
                throw PublishBody.Malformed("`id` must be a string that is not empty.");
            }

            _id = JsonRules.Text(ref reader);
            var length = reader.ValueIsEscaped ? Encoding.UTF8.GetByteCount(_id) : reader.ValueSpan.Length;
            if (length > limits.PublishIdBytesMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"`id` has {length} bytes; the most is {limits.PublishIdBytesMax} (limit publish-id-bytes-max).");
            }
        }
        else if (reader.ValueTextEquals("after"u8))
        {
            Once(16, "after");
            reader.Read();
            if (reader.TokenType != JsonTokenType.String)
            {
                throw PublishBody.Malformed("`after` must be a seen token.");
            }

            _after = SeenToken.Decode(JsonRules.Text(ref reader));
        }
        else if (reader.ValueTextEquals("copies"u8))
        {
            Once(32, "copies");
            reader.Read();
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt32(out _copies) || _copies is < 1 or > PublishBody.CopiesMax)
            {
                throw PublishBody.Malformed($"`copies` must be a whole number from 1 to {PublishBody.CopiesMax}.");
            }
        }
        else
        {
            return false;
        }

        return true;
    }

    /// <summary>What was gathered.</summary>
    /// <exception cref="ProtocolException">Neither an activity nor an effect was given.</exception>
    public readonly PublishBody Build() => (_seen & 3) == 0
        ? throw PublishBody.Malformed("A publish needs `activity` or `effect`.")
        : new PublishBody(_activity, _effect, _exists, _version, _id, _after, _copies);

    private void ReadCondition(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw PublishBody.Malformed("`if` must be an object with `exists` or `version`.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("exists"u8))
            {
                Once(64, "exists");
                reader.Read();
                _exists = reader.TokenType is JsonTokenType.True or JsonTokenType.False
                    ? reader.GetBoolean()
                    : throw PublishBody.Malformed("`if.exists` must be true or false.");
            }
            else if (reader.ValueTextEquals("version"u8))
            {
                Once(128, "version");
                reader.Read();
                _version = reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out var version) && version >= 0
                    ? version
                    : throw PublishBody.Malformed("`if.version` must be a whole number, not negative.");
            }
            else
            {
                throw PublishBody.Malformed($"`if` has the key '{Printable.Cut(JsonRules.Text(ref reader))}'; it takes exists and version.");
            }
        }

        if (_exists is null && _version is null)
        {
            throw PublishBody.Malformed("`if` is empty; it takes exists and version.");
        }
    }

    private void Once(int bit, string name)
    {
        if ((_seen & bit) != 0)
        {
            throw PublishBody.Malformed($"The key '{name}' stands twice in one object; each key may stand once.");
        }

        _seen |= bit;
    }
}
