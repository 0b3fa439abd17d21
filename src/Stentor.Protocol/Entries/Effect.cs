using System.Buffers;
using System.Text;
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
    /// <exception cref="ProtocolException">It is not <c>{"set": {…}, "add": {…}, "remove": […]}</c>, mixes <c>set</c> and <c>add</c> on one field, or is over a limit.</exception>
    public static Effect Read(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, Limits limits)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            throw Malformed("`effect` must be an object with `set`, `add` and `remove`.");
        }

        List<FieldSet>? set = null;
        List<FieldAdd>? add = null;
        List<string>? remove = null;
        var names = new FieldNames(limits);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            if (reader.ValueTextEquals("set"u8))
            {
                Begin(ref reader, "set", set is null, JsonTokenType.StartObject, "an object of fields");
                set = [];
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    if (!names.TryRead(ref reader, out var field))
                    {
                        throw Repeated(field, isMixed: add?.Select(one => one.Field).Contains(field) == true);
                    }

                    reader.Read();
                    set.Add(new(field, Compact(json[JsonRules.Walk(ref reader, json, limits.DepthMax)])));
                }
            }
            else if (reader.ValueTextEquals("add"u8))
            {
                Begin(ref reader, "add", add is null, JsonTokenType.StartObject, "an object of fields");
                add = [];
                while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
                {
                    if (!names.TryRead(ref reader, out var field))
                    {
                        throw Repeated(field, isMixed: set?.Select(one => one.Field).Contains(field) == true);
                    }

                    reader.Read();
                    add.Add(reader.TokenType == JsonTokenType.Number && CounterAmount.TryParse(reader.ValueSpan, out var amount)
                        ? new(field, amount)
                        : throw Malformed($"`effect.add.{Printable.Cut(field)}` must be {CounterAmount.Rule}."));
                }
            }
            else if (reader.ValueTextEquals("remove"u8))
            {
                Begin(ref reader, "remove", remove is null, JsonTokenType.StartArray, "an array of field names");
                remove = [];
                while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
                {
                    if (reader.TokenType != JsonTokenType.String)
                    {
                        throw Malformed("`effect.remove` must be an array of field names.");
                    }

                    remove.Add(names.TryRead(ref reader, out var field) ? field : throw Repeated(field, isMixed: false));
                }
            }
            else
            {
                throw Malformed($"`effect` has the key '{Printable.Cut(JsonRules.Text(ref reader))}'; it takes `set`, `add` and `remove`.");
            }
        }

        if (names.Count == 0)
        {
            throw Malformed("`effect` changes nothing: give at least one field in `set`, `add` or `remove`.");
        }

        // Ordinal, not by culture: every region must write alike.
        set?.Sort((a, b) => string.CompareOrdinal(a.Field, b.Field));
        add?.Sort((a, b) => string.CompareOrdinal(a.Field, b.Field));
        remove?.Sort(string.CompareOrdinal);
        return new Effect([.. set ?? []], [.. add ?? []], [.. remove ?? []]);
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

    private static void Begin(ref Utf8JsonReader reader, string part, bool isFirst, JsonTokenType start, string shape)
    {
        if (!isFirst)
        {
            throw Malformed($"`effect` has the key '{part}' twice.");
        }

        reader.Read();
        if (reader.TokenType != start)
        {
            throw Malformed($"`effect.{part}` must be {shape}.");
        }
    }

    private static byte[] Compact(ReadOnlySpan<byte> value)
    {
        if (!value.ContainsAny(" \t\r\n"u8))
        {
            return value.ToArray();
        }

        var writer = new ArrayBufferWriter<byte>(value.Length);
        JsonRules.WriteCompact(value, writer);
        return writer.WrittenSpan.ToArray();
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

    private static ProtocolException Repeated(string field, bool isMixed) => isMixed
        ? new(ErrorType.MixedField, $"The field '{Printable.Cut(field)}' stands in both `set` and `add`: a field is a counter or plain, not both.")
        : Malformed($"The field '{Printable.Cut(field)}' stands twice in `effect`; each field may be set, added to or removed once.");

    /// <summary>The names of an effect's fields while they are read: each once, none too long, not too many.</summary>
    /// <param name="limits">The limits that apply.</param>
    private ref struct FieldNames(Limits limits)
    {
        // Comparing a few names costs less than hashing them.
        private const int FewNames = 8;
        private readonly List<string> _few = new(FewNames);
        private HashSet<string>? _many;

        public int Count { get; private set; }

        /// <summary>Reads one; false when it was there already.</summary>
        public bool TryRead(ref Utf8JsonReader reader, out string field)
        {
            field = JsonRules.Text(ref reader);
            if (field.Length == 0)
            {
                throw Malformed("A field name in `effect` is empty.");
            }

            if (field.Length > limits.FieldNameBytesMax || (reader.ValueSpan.Length > limits.FieldNameBytesMax && Encoding.UTF8.GetByteCount(field) > limits.FieldNameBytesMax))
            {
                throw new ProtocolException(ErrorType.TooLarge, $"The field name '{Printable.Cut(field)}' is longer than {limits.FieldNameBytesMax} bytes (limit field-name-bytes-max).");
            }

            if (!Add(field))
            {
                return false;
            }

            if (++Count > limits.EffectFieldsMax)
            {
                throw new ProtocolException(ErrorType.TooLarge, $"The effect has more than {limits.EffectFieldsMax} fields (limit effect-fields-max).");
            }

            return true;
        }

        private bool Add(string field)
        {
            if (_many is not null)
            {
                return _many.Add(field);
            }

            if (_few.Contains(field))
            {
                return false;
            }

            _few.Add(field);
            if (_few.Count > FewNames)
            {
                _many = [.. _few];
            }

            return true;
        }
    }
}
