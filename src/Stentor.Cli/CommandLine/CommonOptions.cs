using System.CommandLine;
using System.CommandLine.Parsing;

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

    /// <summary>An option that takes a whole number.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="description">What it does, and the number's unit.</param>
    /// <param name="helpName">What help calls the value.</param>
    /// <param name="initial">The value when it is not given.</param>
    /// <param name="least">The least value.</param>
    /// <param name="most">The greatest value.</param>
    public static Option<int> Number(string name, string description, string helpName, int initial, int least, int most) => new(name)
    {
        Description = description,
        HelpName = helpName,
        DefaultValueFactory = _ => initial,
        CustomParser = result =>
        {
            var text = result.Tokens[0].Value;
            if (!int.TryParse(text, out var value) || value < least || value > most)
            {
                result.AddError($"'{text}' is not a value for {name}: a whole number from {least} to {most}.");
            }

            return value;
        },
    };

    /// <summary>Prints JSON, one object a line.</summary>
    public static Option<bool> Json(string description = "Print JSON, one object a line.") => new("--json") { Description = description };

    /// <summary>Reads a URL.</summary>
    /// <param name="option">The option's name.</param>
    /// <param name="text">What was given.</param>
    /// <param name="result">Takes the error.</param>
    public static Uri? Url(string option, string text, ArgumentResult result)
    {
        if (Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https")
        {
            return url;
        }

        result.AddError($"'{text}' is not a value for {option}: a URL like http://127.0.0.1:5050.");
        return null;
    }
}
