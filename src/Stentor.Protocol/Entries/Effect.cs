using System.Buffers;
using System.Text.Json;

namespace Stentor.Protocol;

/// <summary>One field that an effect sets.</summary>
/// <param name="Field">The field.</param>
/// <param name="Value">Its value: compact JSON.</param>
public readonly record struct FieldSet(string Field, ReadOnlyMemory<byte> Value);

/// <summary>One counter that an effect adds to.</summary>
/// <param name="Field">The field.</param>
/// <param name="Amount">What is added.</param>
public readonly record struct FieldAdd(string Field, CounterAmount Amount);

/// <summary>What an activity does to its channel's state. A field stands in one of the three lists, once. Each list is in ordinal order of its fields.</summary>
/// <param name="Set">Fields that are written.</param>
/// <param name="Add">Counters that are added to.</param>
/// <param name="Remove">Fields that are removed.</param>
public sealed record Effect(FieldSet[] Set, FieldAdd[] Add, string[] Remove)
{
    /// <summary>Reads an effect.</summary>
    /// <param name="reader">Stands on the effect's first token; afterwards on its last.</param>
    /// <param name="json">The whole text.</param>
    /// <param name="limits">The limits that apply.</param>
    /// <exception cref="ProtocolException">It is not <c>{"set": {…}, "add": {…}, "remove": […]}</c>, or over a limit.</exception>
    public static Effect Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, Limits limits)
    {
        List<FieldSet> set = [];
        List<FieldAdd> add = [];
        List<string> remove = [];
        var fields = new HashSet<string>();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Malformed("`effect` must be an object with `set`, `add` and `remove`.");
        }

        var parts = new HashSet<string>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var part = JsonRules.Text(ref reader);
            if (!parts.Add(part))
            {
                throw Malformed($"`effect` has the key '{part}' twice.");
            }

            reader.Read();
            var isArray = part == "remove";
            if (part is not ("set" or "add" or "remove"))
            {
                throw Malformed($"`effect` has the key '{Printable.Cut(part)}'; it takes `set`, `add` and `remove`.");
            }

            if (reader.TokenType != (isArray ? JsonTokenType.StartArray : JsonTokenType.StartObject))
            {
                throw Malformed(isArray ? "`effect.remove` must be an array of field names." : $"`effect.{part}` must be an object of fields.");
            }

            while (reader.Read() && reader.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject))
            {
                if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String))
                {
                    throw Malformed("`effect.remove` must be an array of field names.");
                }

                var field = Field(ref reader, limits, fields);
                switch (part)
                {
                    case "set":
                        reader.Read();
                        set.Add(new(field, Compact(json[JsonRules.Walk(ref reader, json)])));
                        break;
                    case "add":
                        reader.Read();
                        if (reader.TokenType != JsonTokenType.Number || !CounterAmount.TryParse(reader.ValueSpan, out var amount))
                        {
                            throw Malformed($"`effect.add.{Printable.Cut(field)}` must be {CounterAmount.Rule}.");
                        }

                        add.Add(new(field, amount));
                        break;
                    default:
                        remove.Add(field);
                        break;
                }
            }
        }

        if (fields.Count == 0)
        {
            throw Malformed("`effect` changes nothing: give at least one field in `set`, `add` or `remove`.");
        }

        // Ordinal, not by culture: every region must write alike.
        set.Sort((a, b) => string.CompareOrdinal(a.Field, b.Field));
        add.Sort((a, b) => string.CompareOrdinal(a.Field, b.Field));
        remove.Sort(string.CompareOrdinal);
        return new Effect([.. set], [.. add], [.. remove]);
    }

    /// <summary>Writes the canonical form: <c>set</c>, <c>add</c>, <c>remove</c>, each only when it is not empty.</summary>
    /// <param name="writer">Where it goes.</param>
    public void Write(IBufferWriter<byte> writer)
    {
        var first = true;
        writer.Write("{"u8);
        if (Set.Length > 0)
        {
            writer.Write("\"set\":{"u8);
            for (var i = 0; i < Set.Length; i++)
            {
                WriteName(Set[i].Field, i, writer);
                writer.Write(Set[i].Value.Span);
            }

            writer.Write("}"u8);
            first = false;
        }

        if (Add.Length > 0)
        {
            writer.Write(first ? "\"add\":{"u8 : ",\"add\":{"u8);
            for (var i = 0; i < Add.Length; i++)
            {
                WriteName(Add[i].Field, i, writer);
                Add[i].Amount.Write(writer);
            }

            writer.Write("}"u8);
            first = false;
        }

        if (Remove.Length > 0)
        {
            writer.Write(first ? "\"remove\":["u8 : ",\"remove\":["u8);
            for (var i = 0; i < Remove.Length; i++)
            {
                if (i > 0)
                {
                    writer.Write(","u8);
                }

                JsonText.Write(Remove[i], writer);
            }

            writer.Write("]"u8);
        }

        writer.Write("}"u8);
    }

    private static string Field(ref Utf8JsonReader reader, Limits limits, HashSet<string> fields)
    {
        if (reader.ValueSpan.Length > limits.FieldNameBytesMax)
        {
            throw new ProtocolException(ErrorType.TooLarge, $"A field name is longer than {limits.FieldNameBytesMax} bytes (limit field-name-bytes-max).");
        }

        var field = JsonRules.Text(ref reader);
        if (field.Length == 0)
        {
            throw Malformed("A field name in `effect` is empty.");
        }

        if (!fields.Add(field))
        {
            throw Malformed($"The field '{Printable.Cut(field)}' stands twice in `effect`; each field may be set, added to or removed once.");
        }

        if (fields.Count > limits.EffectFieldsMax)
        {
            throw new ProtocolException(ErrorType.TooLarge, $"The effect has more than {limits.EffectFieldsMax} fields (limit effect-fields-max).");
        }

        return field;
    }

    private static ReadOnlyMemory<byte> Compact(ReadOnlySpan<byte> value)
    {
        var writer = new ArrayBufferWriter<byte>(value.Length);
        JsonRules.WriteCompact(value, writer);
        return writer.WrittenMemory;
    }

    private static void WriteName(string field, int index, IBufferWriter<byte> writer)
    {
        if (index > 0)
        {
            writer.Write(","u8);
        }

        JsonText.Write(field, writer);
        writer.Write(":"u8);
    }

    private static ProtocolException Malformed(string detail) => new(ErrorType.Malformed, detail);
}
