using System.CommandLine;

namespace Stentor.Cli.CommandLine;

/// <summary>Kinds of option that several commands have.</summary>
internal static class CommonOptions
{
    /// <summary>An option that takes one of a few words.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="words">What it takes; the first one is the default.</param>
    public static Option<string> Choice(string name, string description, params string[] words) => new(name)
    {
        Description = description,
        HelpName = string.Join('|', words),
        DefaultValueFactory = _ => words[0],
        CustomParser = result =>
        {
            var word = result.Tokens[0].Value;
            if (!words.Contains(word))
            {
                result.AddError($"'{word}' is not a value for {name}; it takes {string.Join(", ", words)}.");
            }

            return word;
        },
    };
}
