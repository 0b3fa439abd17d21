using System.Text;
using System.Text.Json;
using Stentor.Protocol;

namespace Stentor.Client;

/// <summary>Puts an effect together, field by field: <c>new EffectBuilder().Set("home", "SWE").Add("ends", 1).Build()</c>. Each field may stand in it once.</summary>
public sealed class EffectBuilder
{
    private readonly SortedDictionary<string, ReadOnlyMemory<byte>> _set = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, CounterAmount> _add = new(StringComparer.Ordinal);
    private readonly SortedSet<string> _remove = new(StringComparer.Ordinal);

    /// <summary>Writes a field.</summary>
    /// <typeparam name="T">The value's type.</typeparam>
    /// <param name="field">The field.</param>
    /// <param name="value">Its value; anything that becomes JSON.</param>
    /// <param name="options">How it becomes JSON; null for the names and rules of the web.</param>
    public EffectBuilder Set<T>(string field, T value, JsonSerializerOptions? options = null)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, options ?? JsonSerializerOptions.Web);
        _set.Add(Unused(field), json);
        return this;
    }

    /// <summary>Adds to a counter.</summary>
    /// <param name="field">The field.</param>
    /// <param name="amount">What to add, -10¹⁵ to 10¹⁵, at most 9 decimals.</param>
    /// <exception cref="ArgumentOutOfRangeException">The amount is larger or finer.</exception>
    public EffectBuilder Add(string field, decimal amount)
    {
        if (!CounterAmount.TryParse(Encoding.ASCII.GetBytes($"{amount}"), out var counted))
        {
            throw new ArgumentOutOfRangeException(nameof(amount), amount, $"A counter takes {CounterAmount.Rule}.");
        }

        _add.Add(Unused(field), counted);
        return this;
    }

    /// <summary>Removes a field.</summary>
    /// <param name="field">The field.</param>
    public EffectBuilder Remove(string field)
    {
        _remove.Add(Unused(field));
        return this;
    }

    /// <summary>The effect.</summary>
    /// <exception cref="InvalidOperationException">Nothing was put in.</exception>
    public Effect Build() => _set.Count + _add.Count + _remove.Count > 0
        ? new Effect([.. _set.Select(f => new FieldSet(f.Key, f.Value))], [.. _add.Select(f => new FieldAdd(f.Key, f.Value))], [.. _remove])
        : throw new InvalidOperationException("An effect needs at least one field in Set, Add or Remove.");

    private string Unused(string field)
    {
        ArgumentException.ThrowIfNullOrEmpty(field);
        return _set.ContainsKey(field) || _add.ContainsKey(field) || _remove.Contains(field)
            ? throw new ArgumentException($"The field '{field}' stands in the effect already; each may stand in it once.", nameof(field))
            : field;
    }
}
